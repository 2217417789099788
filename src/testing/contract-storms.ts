/**
 * Many calls under way at the same time, from two handles where there are two: what the explorer,
 * which lets one command through at a time, can't show.
 *
 * @module
 */

import type { SessionStore } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, isLive, listedIds, MINUTE, SECOND, sweepAll } from "./store-scene.ts";

export const stormTests: readonly ContractTest[] = [
  {
    name: "P4 storm: many compare-and-set increments at once are all there",
    needs: ["conditional writes"],
    async run(scene) {
      const crowd = crowdOf(scene);
      const { id } = await scene.add("ada", { body: "0" });
      await Promise.all(times(crowd, (index) => increment(scene, handle(scene, index), id)));
      const { record } = await scene.load(id);
      expectEqual([record.revision, record.body], [crowd + 1, `${crowd}`], "revision and body");
    },
  },
  {
    name: "P4 storm: increments, touches, cut-offs, lists and sweeps at once get in nobody's way",
    needs: ["conditional writes"],
    async run(scene) {
      const { store, add, load, now } = scene;
      const { id } = await add("ada", { body: "0", startedAgo: MINUTE });
      await Promise.all([
        ...times(50, (index) => increment(scene, handle(scene, index), id)),
        ...times(50, async (index) => {
          const done = await handle(scene, index).touch(id, now() + index, now() + DAY, now());
          expectEqual(done, true, "touch of a live session");
        }),
        ...times(20, (index) =>
          handle(scene, index).cutOff("ada", { except: id, keepUntil: now() + DAY }, now()),
        ),
        ...times(20, async (index) => {
          const listed = await listedIds(handle(scene, index), now(), "ada");
          expectEqual(listed, [id], "the user's list");
        }),
        ...times(10, (index) => handle(scene, index).sweep(10, now())),
      ]);
      const loaded = await load(id);
      expectTrue(isLive(loaded, now()), "the session is live");
      const { revision, body, lastSeenAt } = loaded.record;
      expectEqual([revision, body, lastSeenAt], [51, "50", now() + 49], "revision, body, last use");
      expectEqual(await listedIds(store, now(), "ada"), [id], "the user's list");
    },
  },
  {
    name: "P5 storm: of many that close a session one does, and nothing is written after it",
    needs: ["conditional writes"],
    async run(scene) {
      const { store, add, load, now } = scene;
      const { id } = await add("ada", { body: "0" });
      const closers = times(20, async (index) => {
        for (let tries = 0; ; tries += 1) {
          hasReason(scene, tries);
          const record = (await handle(scene, index).load(id))?.record;
          if (record === undefined || record.closed) return false;
          const times = { lastSeenAt: now(), expiresAt: now() + MINUTE };
          const next = { body: `closed by ${index}`, ...times, close: true };
          if (await handle(scene, index).update(id, record.revision, next, now())) return index;
        }
      });
      const writers = times(40, (index) => increment(scene, handle(scene, index), id));
      const touches = times(40, (index) =>
        handle(scene, index).touch(id, now() + 1, now() + DAY, now()),
      );
      const [closed, written] = await Promise.all([
        Promise.all(closers),
        Promise.all(writers),
        Promise.all(touches),
      ]);
      const winners = closed.filter((winner) => winner !== false);
      expectEqual(winners.length, 1, "how many have closed it");
      const { record } = await load(id);
      const expected = {
        closed: true,
        userId: undefined,
        body: `closed by ${winners[0]}`,
        revision: 2 + written.filter(Boolean).length,
      };
      const { closed: isClosed, userId, body, revision } = record;
      expectEqual({ closed: isClosed, userId, body, revision }, expected, "the closed record");
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "P5 storm: no sign-in that began before it gets past a cut-off",
    async run(scene) {
      const { store, newRecord, now } = scene;
      const records = await Promise.all(times(60, () => newRecord("ada")));
      await Promise.all([
        ...records.map((record, index) => handle(scene, index).create(record, HOUR, now())),
        ...times(3, (index) =>
          handle(scene, index).cutOff("ada", { keepUntil: now() + DAY }, now()),
        ),
      ]);
      for (const { id } of records) {
        const loaded = await store.load(id);
        expectTrue(loaded === undefined || !isLive(loaded, now()), `session ${id} is not live`);
      }
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "P5 storm: a sweep takes what was not touched, and nothing that was",
    async run(scene) {
      const { store, add, now } = scene;
      const records = [];
      for (let index = 0; index < 40; index += 1) {
        records.push(await add(`user ${index % 3}`, { expiresAt: now() + SECOND }));
      }
      // The sweeping nodes' clocks are ahead.
      const later = now() + 2 * SECOND;
      const sweeps: Promise<number>[] = [];
      const touches = records.map(({ id }, index) => {
        if (index % 5 === 0) sweeps.push(handle(scene, index / 5).sweep(2, later));
        return handle(scene, index).touch(id, now(), now() + DAY, now());
      });
      const touched = await Promise.all(touches);
      await Promise.all(sweeps);
      await sweepAll(store, later);
      for (const [index, { id }] of records.entries()) {
        const found = (await store.load(id)) !== undefined;
        expectEqual(found, touched[index], `session ${id}, touched or not, is there`);
      }
    },
  },
];

function times<Result>(count: number, make: (index: number) => Promise<Result>): Promise<Result>[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function handle({ store, other }: Scene, index: number): SessionStore {
  return index % 2 === 0 ? store : other;
}

/** Counts one up in the body, over whatever was read. @returns false when the session was closed. */
async function increment(scene: Scene, store: SessionStore, id: string): Promise<boolean> {
  const { now } = scene;
  for (let tries = 0; ; tries += 1) {
    hasReason(scene, tries);
    const record = (await store.load(id))?.record;
    if (record === undefined || record.closed) return false;
    const moments = { lastSeenAt: now(), expiresAt: now() + DAY };
    const next = { body: `${Number(record.body) + 1}`, ...moments };
    if (await store.update(id, record.revision, next, now())) return true;
  }
}

/** Every refusal is another one's success, so nobody is refused for ever. */
function hasReason(scene: Scene, refused: number): void {
  const most = crowdOf(scene) + MOST_OTHERS;
  expectTrue(refused <= most, `a write is refused only with a reason, not ${refused} times`);
}

function crowdOf({ fixture: { crowd = 500 } }: Scene): number {
  return crowd;
}

// More than any storm but the largest has writes.
const MOST_OTHERS = 500;
