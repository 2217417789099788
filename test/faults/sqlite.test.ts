import { describeBetterSqlite } from "../support/describe-better-sqlite.ts";
import { describeFullDisk, describeKills, describeProcesses } from "../support/embedded-trouble.ts";

describeBetterSqlite("better-sqlite3", () => {
  describeProcesses("better-sqlite3");
  describeKills("better-sqlite3", 8);
  describeFullDisk("better-sqlite3", false);
});
