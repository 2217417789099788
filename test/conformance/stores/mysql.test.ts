import mysql from "mysql2/promise";
import { isTriple, mysqlSuite, wiredMysql } from "../../support/sql-suite.ts";

mysqlSuite(
  "mysql (mysql2/promise)",
  async ({ uri }) => {
    const client = mysql.createPool({ uri });
    return {
      options: { client, prepare: true },
      wired: (wire) => wiredMysql(client, wire),
      close: () => client.end(),
    };
  },
  { pick: (test) => !isTriple(test) },
);
