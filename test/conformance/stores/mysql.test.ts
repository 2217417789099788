import mysql from "mysql2/promise";
import { mysqlSuite, wiredPool } from "../../support/mysql-suite.ts";
import { isTriple } from "../../support/postgres-suite.ts";

mysqlSuite(
  "mysql (mysql2/promise)",
  async ({ uri }) => {
    const client = mysql.createPool({ uri });
    return {
      options: { client, prepare: true },
      wired: (wire) => wiredPool(client, wire),
      close: () => client.end(),
    };
  },
  { pick: (test) => !isTriple(test) },
);
