/**
 * Opens a store of one of the kinds that live in a folder of this machine.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";

/** @param kind - `lmdb`, `file`, `sqlite` (what Node has built in) or `better-sqlite3` */
export async function openEmbedded(
  kind: string,
  path: string,
): Promise<SessionStore & Revocations> {
  if (kind === "lmdb") return (await import("../../src/stores/lmdb.ts")).lmdbStore({ path });
  if (kind === "file") return (await import("../../src/stores/file.ts")).fileStore({ path });
  const { sqliteStore } = await import("../../src/stores/sqlite.ts");
  const file = `${path}/sessions.db`;
  if (kind === "sqlite") return sqliteStore({ path: file });
  const { openDatabase } = await import("./better-sqlite3.ts");
  if (openDatabase === undefined) throw new Error("better-sqlite3 has not been built");
  mkdirSync(path, { recursive: true });
  const database = openDatabase(file);
  try {
    const store = sqliteStore({ database });
    return { ...store, close: () => store.close().then(() => void database.close()) };
  } catch (error) {
    database.close();
    throw error;
  }
}
