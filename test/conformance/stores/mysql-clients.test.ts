import mysql from "mysql2";
import { isRace, mysqlSuite } from "../../support/sql-suite.ts";

// A pool that is set up as differently as it can be: the store says with each statement what it needs.
mysqlSuite(
  "mysql (mysql2 with callbacks, set up otherwise)",
  async ({ uri }) => {
    const client = mysql.createPool({
      uri,
      charset: "latin1_swedish_ci",
      timezone: "+05:30",
      flags: ["-FOUND_ROWS"],
      rowsAsArray: false,
      namedPlaceholders: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      decimalNumbers: true,
      dateStrings: true,
      typeCast: false,
    });
    client.on("connection", (connection) => {
      // MariaDB's mode for Oracle has the first ones of the others in it, and more reserved words.
      const mode = "IF(VERSION() LIKE '%MariaDB%', 'ORACLE', 'ANSI_QUOTES,PIPES_AS_CONCAT')";
      connection.query(`SET sql_mode = CONCAT(${mode}, ',NO_BACKSLASH_ESCAPES')`);
      connection.query("SET sql_select_limit = 1");
      connection.query("SET time_zone = '+11:00'");
    });
    return { options: { client }, close: () => client.promise().end() };
  },
  { pick: (test) => !isRace(test), sequences: 5 },
);
