/**
 * The contract of `sweep`.
 *
 * @module
 */

import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, listedIds, MINUTE, SECOND, sleep, sweepAll } from "./store-scene.ts";

export const sweepTests: readonly ContractTest[] = [
  {
    name: "sweep: removes nothing whose time is not over",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      await sweepAll(store, now());
      const records = [await add("ada"), await add(), await add(undefined, { closed: true })];
      const { id } = await add("ada");
      const next = { body: "", lastSeenAt: now(), expiresAt: now() + HOUR, close: true };
      await store.update(id, 1, next, now());
      records.push((await load(id)).record);
      await store.cutOff("bob", { keepUntil: now() + HOUR }, now());
      await wait(HOUR - 1);
      expectEqual(await store.sweep(100, now()), 0, "how many were removed");
      for (const record of records) expectEqual((await load(record.id)).record, record, "a record");
    },
  },
  {
    name: "sweep: removes expired records, users' and visitors', and closed ones too",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      const closed = await add("ada", { expiresAt: now() + DAY });
      const next = { body: "", lastSeenAt: now(), expiresAt: now() + MINUTE, close: true };
      await store.update(closed.id, 1, next, now());
      const gone = [closed, await add("ada"), await add("bob"), await add()];
      const stays = await add("ada", { expiresAt: now() + DAY });
      await wait(HOUR);
      await sweepAll(store, now());
      expectEqual(await present(scene, gone), 0, "expired records that are left");
      expectEqual((await load(stays.id)).record, stays, "the record that is not expired");
      expectEqual(await listedIds(store, now(), "ada"), [stays.id], "the user's list");
    },
  },
  {
    name: "sweep: removes at most as many as it may, counts them, and gets to the end",
    async run(scene) {
      const { store, add, wait, now } = scene;
      const records = await Promise.all(Array.from({ length: 130 }, () => add("ada")));
      await wait(HOUR);
      let left = await present(scene, records);
      // More than the batches of most backends have, and then few.
      for (let limit = 110; left > 0; limit = 7) {
        const removed = await store.sweep(limit, now());
        const rest = await present(scene, records);
        expectTrue(removed <= limit, "no more are removed than may be");
        expectEqual(left - rest, removed, "how many were removed");
        // Whoever sweeps goes on while as many were removed as may be, and no longer.
        if (removed < limit)
          expectEqual(rest, 0, "what is left when fewer were removed than may be");
        left = rest;
      }
      expectEqual(await store.sweep(7, now()), 0, "how many were removed when there was nothing");
    },
  },
  {
    name: "sweep: several at once remove each record once, and no live one",
    async run(scene) {
      const { store, other, add, wait, load, now } = scene;
      const expired = [];
      for (let index = 0; index < 60; index += 1) expired.push(await add(`user${index % 7}`));
      const stays = await add("ada", { expiresAt: now() + DAY });
      await wait(HOUR);
      const before = await present(scene, expired);
      const counts = await Promise.all(
        Array.from({ length: 4 }, (_, index) =>
          sweepAll(index % 2 === 0 ? store : other, now(), 5),
        ),
      );
      const removed = counts.reduce((sum, count) => sum + count, 0);
      // One that found the others' claims may have stopped early.
      const rest = await sweepAll(store, now());
      expectEqual(removed + rest, before, "how many were removed, by all together");
      expectEqual(await present(scene, expired), 0, "expired records that are left");
      expectEqual((await load(stays.id)).record, stays, "the live record");
    },
  },
  {
    name: "sweep: forgets a cut-off when its time is over, and not before",
    async run({ store, add, wait, load, now }) {
      const { id } = await add("ada", { startedAgo: MINUTE, expiresAt: now() + DAY });
      const cutOff = await store.cutOff("ada", { keepUntil: now() + HOUR }, now());
      await wait(HOUR - 1);
      await sweepAll(store, now());
      expectEqual((await load(id)).cutOff, cutOff, "the cut-off before its time is over");
      await wait(1);
      await sweepAll(store, now());
      expectEqual((await load(id)).cutOff, 0, "the cut-off after its time");
    },
  },
  {
    name: "sweep: cut-offs count as records do, one by one and up to the limit",
    async run({ store, add, wait, load, now }) {
      const ids: string[] = [];
      for (let index = 0; index < 10; index += 1) {
        const userId = `user ${index}`;
        ids.push((await add(userId, { expiresAt: now() + DAY })).id);
        await store.cutOff(userId, { keepUntil: now() + HOUR }, now());
      }
      await wait(HOUR);
      const remembered = async (): Promise<number> => {
        const loaded = await Promise.all(ids.map((id) => load(id)));
        return loaded.filter(({ cutOff }) => cutOff > 0).length;
      };
      let left = await remembered();
      for (let round = 0; left > 0; round += 1) {
        expectTrue(round < 10, "every sweep removes something while there is something");
        const removed = await store.sweep(3, now());
        const rest = await remembered();
        expectTrue(removed <= 3, "no more are removed than may be");
        // A layer over two stores counts what it removes from each.
        expectTrue(left - rest <= removed, "no more are removed than are counted");
        left = rest;
      }
    },
  },
  {
    name: "sweep: what has more than a month to live is kept, and its cut-off",
    async run(scene) {
      const { store, add, wait, load, now } = scene;
      // Timers and backends count seconds or milliseconds in 31 bits, and some from 30 days on from 1970.
      const long = 400 * DAY;
      const created = await add("ada", { startedAgo: MINUTE, expiresAt: now() + long });
      const [updated, touched] = [await add("bob"), await add()];
      const next = { body: "next", lastSeenAt: now(), expiresAt: now() + long };
      await store.update(updated.id, 1, next, now());
      await store.touch(touched.id, now(), now() + long, now());
      const cutOff = await store.cutOff("ada", { keepUntil: now() + long }, now());
      await wait(long - HOUR);
      await sweepAll(store, now());
      for (const { id } of [created, updated, touched]) await load(id);
      expectEqual((await load(created.id)).cutOff, cutOff, "the cut-off");
      const live = [updated.id, touched.id].sort();
      expectEqual(await listedIds(store, now()), live, "the whole list");
    },
  },
  {
    name: "P5 expiry: a backend's own takes no record, list, cut-off or revocation before its time",
    async run({ store, other, add, newRecord, load, skip, wait, now }) {
      // No backend's own expiry goes by the core's clock, so here time passes for real.
      await skip(Math.max(0, Date.now() - now()));
      const soon = (): number => Date.now() + SECOND;
      const later = now() + DAY;
      async function create(expiresAt: number): Promise<string> {
        const record = await newRecord("ada", { expiresAt });
        expectEqual(await store.create(record, 0, now()), "created", "create");
        return record.id;
      }
      await create(soon());
      const updated = await create(soon());
      const next = { body: "next", lastSeenAt: now(), expiresAt: later };
      expectEqual(await store.update(updated, 1, next, now()), true, "update");
      const touched = await create(soon());
      expectEqual(await store.touch(touched, now(), later, now()), true, "touch");
      const live = [updated, touched, await create(later)].sort();
      await create(soon());

      // A cut-off is kept until the later of two moments, whichever was asked for first.
      const cutOffs = new Map<string, number>();
      for (const userId of ["bob", "eve"]) {
        const { id } = await add(userId, { startedAgo: MINUTE, expiresAt: later });
        const keepUntils = userId === "bob" ? [soon(), later] : [later, soon()];
        for (const keepUntil of keepUntils) {
          cutOffs.set(id, await store.cutOff(userId, { keepUntil }, now()));
        }
      }
      for (const until of [soon(), later, soon()]) {
        await store.add?.({ kind: "user", id: `until ${until}`, at: now(), until });
      }

      // What ends between two seconds does not end with the first.
      const due = Date.now() + 1900;
      const between = await create(due);
      await sleep(due - 400 - Date.now());
      const isThere = (await store.load(between)) !== undefined;
      expectTrue(isThere || Date.now() >= due, "a record is there until its expiresAt");

      await sleep(SECOND);
      await wait(Math.max(0, Date.now() - now()));
      for (const id of live) await load(id);
      expectEqual(await listedIds(other, now(), "ada"), live, "the user's list");
      for (const [id, cutOff] of cutOffs) {
        expectEqual((await load(id)).cutOff, cutOff, "the cut-off");
      }
      const page = await store.since?.(undefined);
      const left = page?.revocations.map(({ id }) => id).filter((id) => id === `until ${later}`);
      expectEqual(
        left,
        store.since && [`until ${later}`],
        "the revocations whose time is not over",
      );
    },
  },
  {
    name: "sweep: the id and the user of a removed record can be used again",
    async run({ store, add, wait, now }) {
      const before = await add("ada");
      await wait(HOUR);
      await sweepAll(store, now());
      const after = await add("ada", { id: before.id, body: "new" });
      expectEqual([after.revision, after.body], [1, "new"], "revision and body");
      expectEqual(await listedIds(store, now(), "ada"), [before.id], "list");
    },
  },
];

async function present(
  { store }: Scene,
  records: readonly { readonly id: string }[],
): Promise<number> {
  const loaded = await Promise.all(records.map(({ id }) => store.load(id)));
  return loaded.filter((found) => found !== undefined).length;
}
