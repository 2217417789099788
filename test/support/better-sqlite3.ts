/**
 * better-sqlite3, where its native part has been built: `npm run native` builds it from source.
 *
 * @module
 */

import type { Database } from "better-sqlite3";

/** Opens a file as an app should that shares it between processes. */
export type OpenDatabase = (file: string) => Database;

/** Opens databases; `undefined` where the native part is missing. */
export const openDatabase: OpenDatabase | undefined = await load();

async function load(): Promise<OpenDatabase | undefined> {
  const { default: BetterSqlite3 } = await import("better-sqlite3");
  try {
    new BetterSqlite3(":memory:").close();
  } catch {
    return undefined;
  }
  return (file) => {
    const database = new BetterSqlite3(file);
    try {
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
      // The store waits itself, and that is what is to be tried.
      database.pragma("busy_timeout = 0");
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  };
}
