import mysql from "mysql2/promise";
import { vi } from "vitest";
import { isTriple, mysqlSuite } from "../../support/sql-suite.ts";

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
