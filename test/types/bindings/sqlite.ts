/**
 * The SQLite store takes the databases of every binding as their own types describe them.
 *
 * Compiled apart by test/types/sqlite-bindings.test.ts: the types of a newer Node, and Bun's.
 */

/// <reference path="../../../node_modules/bun-types/sqlite.d.ts" />

import { Database as BunDatabase } from "bun:sqlite";
import { DatabaseSync } from "node:sqlite";
import BetterSqlite3 from "better-sqlite3";
import Libsql from "libsql";
import { sqliteStore } from "../../../src/stores/sqlite.ts";

sqliteStore({ database: new DatabaseSync("sessions.db") });
sqliteStore({ database: new BetterSqlite3("sessions.db"), namespace: "app" });
sqliteStore({ database: new BunDatabase("sessions.db") });
sqliteStore({ database: new Libsql("sessions.db") });
sqliteStore({ path: "sessions.db", durable: false });

// @ts-expect-error one of the two
sqliteStore({});
// @ts-expect-error no database
sqliteStore({ database: new Map() });
