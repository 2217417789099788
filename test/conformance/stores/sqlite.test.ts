import { rm } from "node:fs/promises";
import { join } from "node:path";
import Libsql from "libsql";
import type { SqliteDatabase } from "../../../src/stores/sqlite.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { openDatabase } from "../../support/better-sqlite3.ts";
import { describeBetterSqlite } from "../../support/describe-better-sqlite.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

// `node:sqlite` and `bun:sqlite` run it under their own runtimes: test/dist/runtimes.
const BETTER_SQLITE = "sqlite (better-sqlite3)";
if (openDatabase === undefined) describeBetterSqlite(BETTER_SQLITE, () => undefined);
else await runSuite(BETTER_SQLITE, openDatabase);

await runSuite("sqlite (libsql)", (file) => {
  const database = new Libsql(file);
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL"]) {
    database.exec(`PRAGMA ${pragma}`);
  }
  return database;
});

async function runSuite(
  name: string,
  openFile: (file: string) => SqliteDatabase & { close(): unknown },
): Promise<void> {
  await runStoreSuite(name, async () => {
    const folder = await temporaryFolder("sqlite");
    const file = join(folder, "sessions.db");
    // Each handle has a connection of its own, as each process has.
    const open = (namespace = "") => {
      const database = openFile(file);
      const store = sqliteStore({ database, namespace });
      return { ...store, close: () => store.close().then(() => void database.close()) };
    };
    return {
      store: open(),
      another: async () => open(),
      elsewhere: async () => open("elsewhere"),
      dispose: () => rm(folder, { recursive: true }),
    };
  });
}
