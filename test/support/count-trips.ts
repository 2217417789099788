/**
 * Counts how often a request waits for its store's server.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { createSessions } from "../../src/index.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { testClock } from "../../src/testing/clock.ts";
import type { Browser } from "./jar.ts";
import { createBrowser } from "./jar.ts";
import type { Trips } from "./store-records.ts";
import { AT_ONCE } from "./store-records.ts";
import type { Data } from "./ways.ts";
import { SECRET } from "./ways.ts";

// So many that each node of a cluster is connected, and that each piece of a directory is there.
const CROWD = 1500;
const LANES = 50;

/**
 * @param open - a store on the connection whose round trips are counted, as each process opens one
 * @param roundTrips - how many there were
 */
export async function countTrips(
  open: () => SessionStore,
  roundTrips: () => number,
): Promise<Trips> {
  const clock = testClock();
  const start = (store: SessionStore) =>
    createSessions<Data>({
      secrets: [SECRET],
      store,
      clock: clock.now,
      timeouts: { touchInterval: "5m" },
      ...(store.traits.conditionalWrites ? {} : { acceptUnconditionalStore: true }),
    });
  const store = open();
  const sessions = start(store);
  const elsewhere = start(open());

  async function visitor(): Promise<Browser> {
    const browser = createBrowser(sessions);
    await browser.set("cart", ["tea"]);
    return browser;
  }

  async function count(work: () => Promise<unknown>): Promise<number> {
    const before = roundTrips();
    await work();
    return roundTrips() - before;
  }

  async function countAll(ids: readonly string[]): Promise<Trips> {
    const user = randomUUID();
    const phone = await visitor();
    const firstSignIn = await count(() => phone.signIn(user));
    const read = await count(() => phone.read());
    const write = await count(() => phone.set("theme", "dark"));
    const laptop = await visitor();
    const signIn = await count(() => laptop.signIn(user));
    const moved = laptop.copy(elsewhere);
    const firstRead = await count(() => moved.read());
    const signOut = await count(() => laptop.visit((session) => session.signOut()));
    const together = await count(() => Promise.all(ids.map((id) => store.load(id))));
    clock.advance("5m");
    // Somebody else refreshes the feed of revocations.
    const other = await visitor();
    await other.signIn("eve");
    await other.read();
    await other.copy(elsewhere).read();
    const touch = await count(() => phone.read());
    if ((await count(() => phone.read())) !== read)
      throw new Error("touched twice in one interval");
    return { read, firstRead, write, touch, signIn, firstSignIn, signOut, together };
  }

  const ids: string[] = [];
  async function lane(): Promise<void> {
    for (let n = 0; n < CROWD / LANES; n += 1) {
      ids.push((await (await visitor()).read()).id as string);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  // The first time connections are made, and statements are made known.
  await countAll(ids.slice(0, AT_ONCE));
  const trips = await countAll(ids.slice(0, AT_ONCE));
  await Promise.all([sessions.close(), elsewhere.close()]);
  return trips;
}
