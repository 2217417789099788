/**
 * The four ways to keep a session that every promise is tried on: both methods, both embedded stores.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe } from "vitest";
import type { SessionEvents, Sessions, SessionsOptions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { TestClock } from "../../src/testing/clock.ts";
import { testClock } from "../../src/testing/clock.ts";
import type { FaultPlan } from "../../src/testing/faults.ts";
import { faulty } from "../../src/testing/faults.ts";
import type { Recording } from "../../src/testing/recording.ts";
import { recording } from "../../src/testing/recording.ts";
import type { Browser } from "./jar.ts";
import { createBrowser } from "./jar.ts";

export type Data = Record<string, unknown>;

export interface Way {
  readonly name: string;
  readonly method: "stored" | "sealed" | "shared";
  readonly storeName: "memory" | "lmdb";
}

export const SECRET = "ck1_tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw";
export const OTHER_SECRET = "ck1_Qw8nB5vZx2Lk0jHg7fDs4aPo9iUy3tRe6mNcVbXzAqS";

/** An app under test, with everything about it that a test may want to see or to turn. */
export interface App {
  readonly sessions: Sessions<Data>;
  readonly store: SessionStore & Revocations;
  readonly recorded: Recording<SessionStore & Revocations>;
  readonly clock: TestClock;
  /** What was told, by name. */
  told<Name extends keyof SessionEvents>(name: Name): SessionEvents[Name][];
  browser(): Browser;
  /** Another process of the same app: the same store and secret, nothing else shared. */
  another(options?: Partial<SessionsOptions<Data>>): App;
}

export interface AppOptions extends Partial<SessionsOptions<Data>> {
  readonly faults?: FaultPlan;
}

const WAYS: readonly Way[] = (["stored", "sealed"] as const).flatMap((method) =>
  (["memory", "lmdb"] as const).map((storeName) => ({
    name: `${method} sessions, ${storeName} store`,
    method,
    storeName,
  })),
);

/** Runs the tests on each way; `only` picks a method for promises that the other does not make. */
export function eachWay(
  body: (open: (options?: AppOptions) => Promise<App>, way: Way) => void,
  only?: Way["method"],
): void {
  for (const way of WAYS) {
    if (only !== undefined && way.method !== only) continue;
    describe(way.name, () => {
      const ends: (() => Promise<unknown>)[] = [];
      afterEach(async () => {
        for (const end of ends.splice(0).reverse()) await end();
      });
      body(async (options = {}) => {
        const store = await openStore(way, ends);
        return openApp(way, store, testClock(), options);
      }, way);
    });
  }
}

/** An app on the memory store, for what is the same on every way. What two share is given to both. */
export function memoryApp({
  store = memoryStore(),
  clock = testClock(),
  method = "stored",
  ...options
}: MemoryAppOptions = {}): App {
  const way: Way = { name: method, method, storeName: "memory" };
  return openApp(way, store, clock, options);
}

export interface MemoryAppOptions extends Omit<AppOptions, "store" | "clock"> {
  readonly store?: SessionStore & Revocations;
  readonly clock?: TestClock;
}

async function openStore(
  { storeName }: Way,
  ends: (() => Promise<unknown>)[],
): Promise<SessionStore & Revocations> {
  if (storeName === "memory") {
    const store = memoryStore();
    ends.push(() => store.close());
    return store;
  }
  const path = await mkdtemp(join(tmpdir(), "coatcheck-"));
  const store = lmdbStore({ path });
  ends.push(
    () => rm(path, { recursive: true, force: true }),
    () => store.close(),
  );
  return store;
}

function openApp(
  way: Way,
  store: SessionStore & Revocations,
  clock: TestClock,
  { faults = () => undefined, ...options }: AppOptions,
): App {
  const recorded = recording(faulty(store, faults));
  const { sealed, method = way.method, ...rest } = options;
  const sessions = createSessions<Data>({
    secrets: [SECRET],
    method,
    store: recorded.store,
    clock: clock.now,
    ...(method === "sealed" && { sealed: { update: "accept-lost-updates", ...sealed } }),
    ...(method === "shared" && sealed !== undefined && { sealed }),
    ...rest,
  });
  const events = new Map<string, unknown[]>();
  const names: readonly (keyof SessionEvents)[] = [
    "created",
    "signedIn",
    "signedOut",
    "revoked",
    "rotated",
    "reuse",
    "refused",
    "overwritten",
    "dropped",
    "commitFailed",
    "adopted",
    "adoptionRefused",
    "foreignFailed",
    "lateChange",
    "outage",
  ];
  for (const name of names) {
    events.set(name, []);
    sessions.on(name, (event) => events.get(name)?.push(event));
  }
  return {
    sessions,
    store,
    recorded,
    clock,
    told: (name) => events.get(name) as never,
    browser: () => createBrowser(sessions),
    another: (others = {}) => openApp(way, store, clock, { ...options, ...others }),
  };
}
