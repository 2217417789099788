/**
 * The contract of `cutOff`: the authority for "signed out everywhere".
 *
 * @module
 */

import type { SessionRecord } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, isLive, MINUTE, sweepAll } from "./store-scene.ts";

export const cutOffTests: readonly ContractTest[] = [
  {
    name: "P5 cutOff: ends every session of the user in one step, and nobody else's",
    async run(scene) {
      const { store, add, wait, now } = scene;
      const sessions: SessionRecord[] = [];
      for (let index = 0; index < 50; index += 1) sessions.push(await add("ada"));
      const others = [await add("bob"), await add()];
      await wait(MINUTE);
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      expectEqual(await liveIds(scene, sessions), [], "sessions of ada that are live");
      expectEqual((await liveIds(scene, others)).length, 2, "live sessions of others");
    },
  },
  {
    name: "cutOff: is the later of the core's now and the one before + 1",
    needs: ["no clock of its own"],
    async run({ store, now, wait }) {
      const cut = (at: number): Promise<number> =>
        store.cutOff("ada", { keepUntil: now() + DAY }, at);
      const first = now();
      expectEqual(await cut(first), first, "the first cut-off");
      expectEqual(await cut(first), first + 1, "the second one in the same millisecond");
      expectEqual(await cut(first - HOUR), first + 2, "one by a clock that is behind");
      await wait(MINUTE);
      expectEqual(await cut(now()), now(), "one a minute later");
    },
  },
  {
    name: "cutOff: goes by the store's own clock, whatever the core's says",
    needs: ["a clock of its own"],
    async run({ store, add, now }) {
      const keepUntil = now() + DAY;
      const before = (await add("ada")).mark;
      const first = await store.cutOff("bob", { keepUntil }, now() - 7 * HOUR);
      const second = await store.cutOff("eve", { keepUntil }, now() + 7 * HOUR);
      const after = (await add("ada")).mark;
      for (const cutOff of [first, second]) {
        expectTrue(cutOff >= before, "the cut-off is not earlier than by the store's clock");
        expectTrue(cutOff <= after, "the cut-off is not later than by the store's clock");
      }
    },
  },
  {
    name: "cutOff: a hundred at once give a hundred different moments, and the latest holds",
    async run({ store, other, add, load, now }) {
      const { id } = await add("ada", { startedAgo: MINUTE });
      const moments = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? store : other).cutOff("ada", { keepUntil: now() + DAY }, now()),
        ),
      );
      expectEqual(new Set(moments).size, 100, "how many moments");
      expectEqual((await load(id)).cutOff, Math.max(...moments), "the cut-off");
    },
  },
  {
    name: "cutOff: the excepted session stays, all others of the user end",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      const sessions = [await add("ada"), await add("ada"), await add("ada")];
      const [, kept] = sessions as [SessionRecord, SessionRecord, SessionRecord];
      await wait(MINUTE);
      const keepUntil = now() + DAY;
      const cutOff = await store.cutOff("ada", { except: kept.id, keepUntil }, now());
      expectEqual(await liveIds(scene, sessions), [kept.id], "live sessions");
      const { mark, ...record } = (await load(kept.id)).record;
      expectTrue(mark > cutOff, "its mark is above the cut-off");
      expectEqual(record, without(kept, "mark"), "the rest of the excepted record");
    },
  },
  {
    name: "P5 cutOff: the next one ends the session that the last one excepted, however soon",
    async run(scene) {
      const { store, add, wait, now } = scene;
      const kept = await add("ada");
      await wait(MINUTE);
      const keepUntil = now() + DAY;
      for (let round = 0; round < 3; round += 1) {
        await store.cutOff("ada", { except: kept.id, keepUntil }, now());
      }
      expectEqual(await liveIds(scene, [kept]), [kept.id], "live after it was excepted thrice");
      await store.cutOff("ada", { keepUntil }, now());
      expectEqual(await liveIds(scene, [kept]), [], "live sessions");
    },
  },
  {
    name: "P5 cutOff: excepting a session that a cut-off has ended does not bring it back",
    async run(scene) {
      const { store, add, wait, now } = scene;
      const ended = await add("ada");
      await wait(MINUTE);
      const keepUntil = now() + DAY;
      await store.cutOff("ada", { keepUntil }, now());
      await store.cutOff("ada", { except: ended.id, keepUntil }, now());
      expectEqual(await liveIds(scene, [ended]), [], "live sessions");
      // One that was excepted ends with the next cut-off, on the very millisecond of its mark.
      const kept = await add("bob");
      await store.cutOff("bob", { except: kept.id, keepUntil }, now());
      await store.cutOff("bob", { keepUntil }, now());
      await store.cutOff("bob", { except: kept.id, keepUntil }, now());
      expectEqual(await liveIds(scene, [kept]), [], "live sessions of bob");
    },
  },
  {
    name: "P5 cutOff: excepting what is closed, expired, absent or another's lifts nothing",
    async run(scene) {
      const { store, add, newId, load, wait, now } = scene;
      const expired = await add("ada");
      const closed = await add("ada", { expiresAt: now() + DAY });
      const close = { body: "", lastSeenAt: now(), expiresAt: now() + DAY, close: true };
      await store.update(closed.id, 1, close, now());
      const bobs = await add("bob", { expiresAt: now() + DAY });
      const visitors = await add(undefined, { expiresAt: now() + DAY });
      const absent = await newId("ada");
      await wait(2 * HOUR);
      for (const id of [expired.id, closed.id, bobs.id, visitors.id, absent]) {
        await store.cutOff("ada", { except: id, keepUntil: now() + DAY }, now());
      }
      expectEqual(await liveIds(scene, [expired, closed]), [], "live sessions of ada");
      expectEqual((await load(bobs.id)).record, bobs, "the session of bob");
      expectEqual((await load(visitors.id)).record, visitors, "the session of a visitor");
      expectEqual(await store.load(absent), undefined, "the absent session");
    },
  },
  {
    name: "cutOff: never lowers a mark",
    async run({ store, add, load, now }) {
      const record = await add("ada");
      const behind = now() - HOUR;
      await store.cutOff("ada", { except: record.id, keepUntil: now() + DAY }, behind);
      const { mark } = (await load(record.id)).record;
      expectTrue(mark >= record.mark, "the mark is not lower than before");
    },
  },
  {
    name: "P5 cutOff: is remembered until keepUntil, also when a later one asks for less",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      const record = await add("ada", { expiresAt: now() + DAY });
      await wait(MINUTE);
      await store.cutOff("ada", { keepUntil: now() + 2 * HOUR }, now());
      const cutOff = await store.cutOff("ada", { keepUntil: now() + MINUTE }, now());
      await wait(HOUR);
      await sweepAll(store, now());
      expectEqual((await load(record.id)).cutOff, cutOff, "the cut-off");
      expectEqual(await liveIds(scene, [record]), [], "live sessions");
    },
  },
  {
    name: "P5 cutOff: is remembered longer when a later one asks for it",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      const record = await add("ada", { expiresAt: now() + DAY });
      await wait(MINUTE);
      await store.cutOff("ada", { keepUntil: now() + MINUTE }, now());
      const cutOff = await store.cutOff("ada", { keepUntil: now() + 2 * HOUR }, now());
      await wait(HOUR);
      await sweepAll(store, now());
      expectEqual((await load(record.id)).cutOff, cutOff, "the cut-off");
      expectEqual(await liveIds(scene, [record]), [], "live sessions");
    },
  },
  {
    name: "P5 cutOff: of a user without sessions, or with none left, holds for the sign-in under way",
    async run({ store, add, newRecord, now }) {
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      const last = await add("bob");
      await store.cutOff("bob", { keepUntil: now() + DAY }, now());
      const closed = { body: "", lastSeenAt: now(), expiresAt: now() + MINUTE, close: true };
      await store.update(last.id, 1, closed, now());
      await store.sweep(100, now() + 2 * MINUTE);
      for (const userId of ["ada", "bob"]) {
        const record = await newRecord(userId);
        await store.create(record, MINUTE, now());
        const loaded = await store.load(record.id);
        expectTrue(loaded === undefined || !isLive(loaded, now()), "nobody is signed in");
      }
    },
  },
];

async function liveIds(
  { store, now }: Scene,
  records: readonly SessionRecord[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const { id } of records) {
    const loaded = await store.load(id);
    if (loaded !== undefined && isLive(loaded, now())) ids.push(id);
  }
  return ids;
}

function without(record: SessionRecord, key: keyof SessionRecord): Partial<SessionRecord> {
  return { ...record, [key]: undefined };
}
