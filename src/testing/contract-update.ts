/**
 * The contract of `update`.
 *
 * @module
 */

import type { Answer, RecordUpdate } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, listedIds, MINUTE, SECOND } from "./store-scene.ts";

export const updateTests: readonly ContractTest[] = [
  {
    name: "update: replaces body and times, counts the revision, leaves id, user and mark",
    async run({ store, add, load, now }) {
      for (const userId of ["ada", undefined]) {
        const before = await add(userId, { startedAgo: MINUTE });
        const next = { body: "next", lastSeenAt: now() + 1, expiresAt: now() + DAY };
        expectEqual(await store.update(before.id, 1, next, now()), true, "update");
        const { record } = await load(before.id);
        expectEqual(record, { ...before, ...next, revision: 2 }, "the record");
      }
    },
  },
  {
    name: "update: the later of two lastSeenAt wins, and expiresAt may come sooner",
    async run({ store, add, load, now }) {
      const { id, lastSeenAt } = await add("ada");
      const next = { body: "next", lastSeenAt: lastSeenAt - MINUTE, expiresAt: now() + SECOND };
      expectEqual(await store.update(id, 1, next, now()), true, "update");
      const { record } = await load(id);
      expectEqual(record.lastSeenAt, lastSeenAt, "lastSeenAt");
      expectEqual(record.expiresAt, now() + SECOND, "expiresAt");
    },
  },
  {
    name: "P4 update: refuses every other revision and changes nothing",
    needs: ["conditional writes"],
    async run({ store, add, load, now }) {
      const { id } = await add("ada");
      await store.update(id, 1, updateOf("second", now()), now());
      const before = await load(id);
      for (const revision of [0, 1, 3, -1]) {
        const done = await store.update(id, revision, updateOf("stale", now()), now());
        expectEqual(done, false, `update at revision ${revision}`);
      }
      expectEqual(await load(id), before, "the record");
    },
  },
  {
    name: "P5 update: never creates",
    async run({ store, newId, now }) {
      const id = await newId("ada");
      for (const revision of [0, 1]) {
        expectEqual(await store.update(id, revision, updateOf("", now()), now()), false, "update");
      }
      expectEqual(await store.load(id), undefined, "load");
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "P5 update: refuses a closed record",
    async run(scene) {
      const { store, now } = scene;
      const id = await closedRecord(scene);
      await isRefused(scene, id, (revision) =>
        store.update(id, revision, updateOf("revived", now()), now()),
      );
      await isRefused(scene, id, (revision) =>
        store.update(id, revision, { ...updateOf("again", now()), close: true }, now()),
      );
    },
  },
  {
    name: "P5 update: refuses an expired record, from its expiresAt on",
    async run(scene) {
      const { store, add, wait, now } = scene;
      const { id } = await add("ada");
      await wait(HOUR);
      await isRefused(scene, id, () => store.update(id, 1, updateOf("revived", now()), now()));
      await wait(HOUR);
      await isRefused(scene, id, () =>
        store.update(id, 1, { ...updateOf("revived", now()), close: true }, now()),
      );
    },
  },
  {
    name: "P5 update: close drops the user and the entry in the lists, and is remembered",
    async run({ store, add, load, wait, now }) {
      const { id } = await add("ada");
      const stays = await add("ada");
      const next = { ...updateOf("closed", now()), expiresAt: now() + MINUTE, close: true };
      expectEqual(await store.update(id, 1, next, now()), true, "update");
      const { mark: _, ...record } = (await load(id)).record;
      const { close: __, ...written } = next;
      const expected = { id, revision: 2, userId: undefined, closed: true, ...written };
      expectEqual(record, expected, "the closed record");
      expectEqual(await listedIds(store, now(), "ada"), [stays.id], "the user's list");
      expectEqual(await listedIds(store, now()), [stays.id], "the whole list");
      await wait(MINUTE - SECOND);
      await store.sweep(100, now());
      expectTrue((await load(id)).record.closed, "the record is closed until its time is over");
    },
  },
  {
    name: "update: close of a visitor's record closes it as well",
    async run({ store, add, load, now }) {
      const { id } = await add();
      const next = { ...updateOf("closed", now()), close: true };
      expectEqual(await store.update(id, 1, next, now()), true, "update");
      expectTrue((await load(id)).record.closed, "the record is closed");
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "update: a touch in between is no conflict",
    async run({ store, add, now }) {
      const { id } = await add("ada");
      await store.touch(id, now() + 1, now() + DAY, now());
      expectEqual(await store.update(id, 1, updateOf("next", now()), now()), true, "update");
    },
  },
  {
    name: "update: a record below its user's cut-off can still be closed",
    async run({ store, add, load, wait, now }) {
      const { id } = await add("ada");
      await wait(MINUTE);
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      const next = { ...updateOf("closed", now()), close: true };
      expectEqual(await store.update(id, 1, next, now()), true, "update");
      expectTrue((await load(id)).record.closed, "the record is closed");
    },
  },
  {
    name: "P4 update: of a hundred at once at one revision, one writes",
    needs: ["conditional writes"],
    async run({ store, other, add, load, now }) {
      const { id } = await add("ada");
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? store : other).update(id, 1, updateOf(`${index}`, now()), now()),
        ),
      );
      const winners = answers.flatMap((done, index) => (done ? [index] : []));
      expectEqual(winners.length, 1, "how many were written");
      const { record } = await load(id);
      expectEqual([record.revision, record.body], [2, `${winners[0]}`], "revision and body");
    },
  },
];

function updateOf(body: string, now: number): RecordUpdate {
  return { body, lastSeenAt: now, expiresAt: now + HOUR };
}

async function closedRecord({ store, add, now }: Scene): Promise<string> {
  const { id } = await add("ada");
  await store.update(id, 1, { ...updateOf("closed", now()), close: true }, now());
  return id;
}

/** The write answers false, and what lies there is as before. */
async function isRefused(
  { store, now }: Scene,
  id: string,
  write: (revision: number) => Answer<boolean>,
): Promise<void> {
  const before = await store.load(id);
  expectEqual(await write(before?.record.revision ?? 1), false, "the write");
  const after = await store.load(id);
  // A backend may have removed what is expired; it must not have changed it.
  if (after !== undefined) expectEqual(after, before, "the record");
  expectEqual(await listedIds(store, now()), [], "list");
}
