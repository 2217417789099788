/**
 * What the tests have shown of each store, for the table in `docs/stores/README.md`.
 *
 * A row is noted by a test when it has passed. `npm run stores:table` makes the table of all of them.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import type { StoreTraits } from "../../src/stores/contract.ts";

/** The conformance suite on one backend, through one client. */
export interface SuiteRecord {
  readonly kind: "suite";
  /** The store's own name, such as `redis`. */
  readonly store: string;
  /** What it ran on, such as `redis, cluster, ioredis`. */
  readonly on: string;
  readonly traits: StoreTraits;
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly schedules: number;
}

/** Round trips of a request, counted on the wire. */
export interface TripsRecord {
  readonly kind: "trips";
  readonly store: string;
  readonly client: string;
  readonly trips: Trips;
}

/** How often one waits for the server, the load included. */
export interface Trips {
  readonly read: number;
  /** The same in a process that has not seen the session yet. */
  readonly firstRead: number;
  readonly write: number;
  /** A read that is due to say that the session was used. */
  readonly touch: number;
  readonly signIn: number;
  /** The same for somebody who was never there. */
  readonly firstSignIn: number;
  readonly signOut: number;
  /** So many loads at once, on one connection; absent where there is none to speak of. */
  readonly together?: number;
}

export const AT_ONCE = 64;

const FOLDER = ".tmp/store-table";

/** The table is of the servers that CI has. */
const isElsewhere = Object.keys(process.env).some((name) => /^COATCHECK_\w+_SERVER$/.test(name));

/** Keeps what a test has shown; what it had shown before is gone. */
export function note(record: SuiteRecord | TripsRecord): void {
  if (isElsewhere) return;
  const name = record.kind === "suite" ? record.on : `${record.store} ${record.client}`;
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}/${record.kind} ${name.replaceAll("/", " ")}.json`;
  writeFileSync(file, JSON.stringify(record));
}
