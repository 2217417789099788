import mysql from "mysql2/promise";
import { vi } from "vitest";
import { mysqlSuite } from "../../support/mysql-suite.ts";
import { isTriple } from "../../support/postgres-suite.ts";

// One race of three has some thousand orders, even verb by verb: a sweep alone is up to seven commands.
vi.setConfig({ testTimeout: 120_000 });

mysqlSuite(
  "mysql (mysql2/promise), three at once",
  async ({ uri }) => {
    const client = mysql.createPool({ uri });
    return {
      options: { client, prepare: true },
      close: () => client.end(),
    };
  },
  { pick: isTriple },
);
