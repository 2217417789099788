/**
 * The contract of `list`.
 *
 * @module
 */

import type { SessionRecord } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { cursorOf, DAY, HOUR, listAll, listedIds, MINUTE } from "./store-scene.ts";

export const listTests: readonly ContractTest[] = [
  {
    name: "list: is empty, without a cursor in the end, where there is nothing",
    async run({ store, now }) {
      expectEqual(await listAll(store, { limit: 10 }, now()), [], "everyone's records");
      expectEqual(await listAll(store, { userId: "ada", limit: 10 }, now()), [], "ada's records");
    },
  },
  {
    name: "list: gives one user's records, or everyone's with the visitors'",
    async run({ store, add, now }) {
      const ada = [await add("ada"), await add("ada")];
      const bob = [await add("bob")];
      const visitor = [await add()];
      expectEqual(await listedIds(store, now(), "ada"), ids(ada), "ada's list");
      expectEqual(await listedIds(store, now(), "bob"), ids(bob), "bob's list");
      expectEqual(await listedIds(store, now(), "eve"), [], "the list of a user without sessions");
      expectEqual(
        await listedIds(store, now()),
        ids([...ada, ...bob, ...visitor]),
        "the whole list",
      );
    },
  },
  {
    name: "list: gives each record as `load` gives it",
    async run({ store, add, load, now }) {
      for (const userId of ["ada", undefined]) {
        const { id } = await add(userId, { startedAgo: MINUTE });
        await store.update(id, 1, { body: "b", lastSeenAt: now(), expiresAt: now() + DAY }, now());
        await store.touch(id, now() + 1, now() + DAY + 1, now());
        const all = await listAll(store, { userId, limit: 10 }, now());
        const listed = all.find((record) => record.id === id);
        expectEqual(listed, (await load(id)).record, "the listed record");
      }
    },
  },
  {
    name: "list: leaves out what is closed or expired",
    async run({ store, add, wait, now }) {
      const closed = await add("ada", { expiresAt: now() + DAY });
      await add("ada");
      const stays = await add("ada", { expiresAt: now() + DAY });
      const next = { body: "", lastSeenAt: now(), expiresAt: now() + DAY, close: true };
      await store.update(closed.id, 1, next, now());
      await wait(HOUR);
      expectEqual(await listedIds(store, now(), "ada"), [stays.id], "ada's list");
      expectEqual(await listedIds(store, now()), [stays.id], "the whole list");
    },
  },
  {
    name: "P5 list: leaves out what is below its user's cut-off, and gives what is above",
    async run({ store, add, wait, now }) {
      const ended = await add("ada");
      const excepted = await add("ada");
      const bobs = await add("bob");
      const visitors = await add();
      await wait(MINUTE);
      await store.cutOff("ada", { except: excepted.id, keepUntil: now() + DAY }, now());
      expectEqual(await listedIds(store, now(), "ada"), [excepted.id], "ada's list");
      const everyone = [excepted.id, bobs.id, visitors.id].sort();
      expectEqual(await listedIds(store, now()), everyone, "the whole list");
      const next = { body: "late", lastSeenAt: now(), expiresAt: now() + DAY };
      expectEqual(await store.update(ended.id, 1, next, now()), true, "update below the cut-off");
      expectEqual(await listedIds(store, now(), "ada"), [excepted.id], "ada's list after it");
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      expectEqual(await listedIds(store, now(), "ada"), [], "ada's list after the next cut-off");
    },
  },
  {
    name: "list: pages of every size give each record once",
    async run(scene) {
      const { store, now } = scene;
      const records = await addMany(scene, 13);
      for (const limit of [1, 2, 3, 6, 12, 13, 14, 1000]) {
        for (const userId of ["ada", undefined]) {
          const listed = await listAll(store, { userId, limit }, now());
          expectEqual(ids(listed), ids(records), `ids in pages of ${limit}`);
        }
      }
    },
  },
  {
    name: "list: of many records none is left out",
    async run(scene) {
      const { store, now } = scene;
      // More than the pages of most backends have.
      const records = await addMany(scene, 130);
      for (const [userId, limit] of [
        ["ada", 1000],
        [undefined, 1000],
        ["ada", 60],
      ] as const) {
        const listed = await listAll(store, { userId, limit }, now());
        expectEqual(listed.length, records.length, `how many records in pages of ${limit}`);
        expectEqual(ids(listed), ids(records), `ids in pages of ${limit}`);
      }
    },
  },
  {
    name: "list: of large records none is left out",
    async run(scene) {
      const { store, add, now } = scene;
      // Together more than the answers of most backends may have.
      const body = "x".repeat(Math.min(store.traits.maxBodyBytes, 256 * 1024));
      const records: SessionRecord[] = [];
      for (let index = 0; index < 20; index += 1) records.push(await add("ada", { body }));
      for (const userId of ["ada", undefined]) {
        const listed = await listAll(store, { userId, limit: 1000 }, now());
        expectEqual(ids(listed), ids(records), "ids");
      }
    },
  },
  {
    name: "list: keeps one order while records are updated and touched",
    async run(scene) {
      const { store, now } = scene;
      const records = await addMany(scene, 12);
      for (const userId of ["ada", undefined]) {
        const before = await listAll(store, { userId, limit: 5 }, now());
        let turn = 0;
        const after = await listAll(store, { userId, limit: 2 }, now(), async () => {
          turn += 1;
          for (const { id } of records.slice(turn % 3, turn + 3)) {
            await store.touch(id, now() + turn, now() + DAY + turn, now());
            const revision = (await store.load(id))?.record.revision ?? 0;
            const next = { body: `${turn}`, lastSeenAt: now(), expiresAt: now() + DAY - turn };
            await store.update(id, revision, next, now());
          }
        });
        const order = (list: readonly SessionRecord[]): string[] => list.map(({ id }) => id);
        expectEqual(order(after), order(before), "the order");
      }
    },
  },
  {
    name: "list: what was there all along comes once, whatever comes and goes between pages",
    async run(scene) {
      const { store, add, now } = scene;
      for (const userId of ["ada", undefined]) {
        const all = await addMany(scene, 30, userId);
        const [leaving, staying] = [all.slice(0, 12), all.slice(12)];
        const listed = await listAll(store, { userId, limit: 3 }, now(), async (page) => {
          const going = leaving[page];
          if (going === undefined) return;
          const next = { body: "", lastSeenAt: now(), expiresAt: now() + DAY, close: true };
          await store.update(going.id, going.revision, next, now());
          await add(userId);
        });
        expectEqual(new Set(ids(listed)).size, listed.length, "how many different records");
        for (const { id } of staying) {
          expectTrue(ids(listed).includes(id), `record ${id}, there all along, is listed`);
        }
      }
    },
  },
  {
    name: "list: goes on where the record that a page ended with is gone",
    async run(scene) {
      const { store, now } = scene;
      await addMany(scene, 9);
      let last: SessionRecord | undefined;
      let pages = 0;
      const seen: SessionRecord[] = [];
      let cursor: string | undefined;
      do {
        pages += 1;
        expectTrue(pages <= 10, "the pages come to an end");
        const page = await store.list({ userId: "ada", cursor, limit: 2 }, now());
        seen.push(...page.records);
        last = page.records.at(-1);
        if (last !== undefined) {
          const next = { body: "", lastSeenAt: now(), expiresAt: now() + 1, close: true };
          await store.update(last.id, last.revision, next, now());
          await store.sweep(100, now() + 1);
        }
        cursor = cursorOf(page);
      } while (cursor !== undefined);
      expectEqual(new Set(ids(seen)).size, 9, "how many different records");
      expectEqual(seen.length, 9, "how many records");
    },
  },
  {
    name: "list: a cursor of one user's list shows nothing of another's",
    async run(scene) {
      const { store, now } = scene;
      await addMany(scene, 4, "ada");
      const bobs = await addMany(scene, 4, "bob");
      const { cursor } = await store.list({ userId: "ada", limit: 2 }, now());
      let listed: readonly SessionRecord[] = [];
      try {
        listed = (await store.list({ userId: "bob", cursor, limit: 10 }, now())).records;
      } catch {
        // To refuse it is as good an answer.
      }
      for (const { id } of listed) expectTrue(ids(bobs).includes(id), `record ${id} is bob's`);
    },
  },
];

function ids(records: readonly SessionRecord[]): string[] {
  return records.map(({ id }) => id).sort();
}

async function addMany(
  { add, now }: Scene,
  count: number,
  userId: string | undefined = "ada",
): Promise<SessionRecord[]> {
  const records: SessionRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    records.push(await add(userId, { expiresAt: now() + DAY }));
  }
  return records;
}
