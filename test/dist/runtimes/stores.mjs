// The conformance suite on a store that needs nothing but the runtime, through the installed package.
//
//   stores.mjs <node:sqlite|bun:sqlite|file> <everything|no races> <folder>

import { mkdirSync, rmSync } from "node:fs";
import { fileStore } from "coatcheck/stores/file";
import { sqliteStore } from "coatcheck/stores/sqlite";
import { storeSuite } from "coatcheck/testing";

const [kind, extent, folder] = process.argv.slice(2);
const bun = kind === "bun:sqlite" ? await import("bun:sqlite") : undefined;
let opened = 0;

function openStore(path, namespace = "") {
  if (kind === "file") return fileStore({ path, namespace, durable: true });
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
