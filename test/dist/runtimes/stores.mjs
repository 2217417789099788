// The conformance suite on a store that lives in a folder of the machine, through the installed package.
//
//   stores.mjs <node:sqlite|bun:sqlite|file|lmdb> <everything|no races> <folder>

import { mkdirSync, rmSync } from "node:fs";
import { fileStore } from "coatcheck/stores/file";
import { lmdbStore } from "coatcheck/stores/lmdb";
import { sqliteStore } from "coatcheck/stores/sqlite";
import { storeSuite } from "coatcheck/testing";

const [kind, extent, folder] = process.argv.slice(2);
const bun = kind === "bun:sqlite" ? await import("bun:sqlite") : undefined;
let opened = 0;

function openStore(path, namespace = "") {
  if (kind === "file") return fileStore({ path, namespace, durable: true });
  if (kind === "lmdb") return lmdbStore({ path, namespace });
  const file = `${path}/sessions.db`;
  if (bun === undefined) return sqliteStore({ path: file, namespace });
  const database = new bun.Database(file, { create: true });
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 0"]) {
    database.exec(`PRAGMA ${pragma}`);
  }
  const store = sqliteStore({ database, namespace });
  return { ...store, close: () => store.close().then(() => database.close()) };
}

function open() {
  const path = `${folder}/${opened++}`;
  mkdirSync(path, { recursive: true });
  return {
    store: openStore(path),
    another: async () => openStore(path),
    elsewhere: async () => openStore(path, "elsewhere"),
    dispose: () => rmSync(path, { recursive: true }),
  };
}

let failed = 0;
for (const { name, skip, run } of await storeSuite({ open })) {
  if (skip !== undefined || (extent === "no races" && name.includes("race:"))) continue;
  await run().catch((error) => {
    failed += 1;
    console.log(name, error);
  });
}
console.log(`${failed} failed`);
