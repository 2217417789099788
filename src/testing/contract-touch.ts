/**
 * The contract of `touch`.
 *
 * @module
 */

import { expectEqual } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import { DAY, HOUR, listedIds, MINUTE, SECOND } from "./store-scene.ts";

export const touchTests: readonly ContractTest[] = [
  {
    name: "touch: moves both times forward and leaves revision, body, user and mark",
    async run({ store, add, load, now }) {
      for (const userId of ["ada", undefined]) {
        const before = await add(userId);
        const times = { lastSeenAt: now() + MINUTE, expiresAt: now() + DAY };
        const done = await store.touch(before.id, times.lastSeenAt, times.expiresAt, now());
        expectEqual(done, true, "touch");
        expectEqual((await load(before.id)).record, { ...before, ...times }, "the record");
      }
    },
  },
  {
    name: "touch: moves each of the two times on its own, and neither back",
    async run({ store, add, load, now }) {
      const before = await add("ada");
      const { id, lastSeenAt, expiresAt } = before;
      expectEqual(await store.touch(id, lastSeenAt - 1, expiresAt - 1, now()), true, "touch");
      expectEqual((await load(id)).record, before, "the record after a touch from the past");
      await store.touch(id, lastSeenAt + 1, expiresAt - 1, now());
      expectEqual((await load(id)).record.expiresAt, expiresAt, "expiresAt");
      expectEqual((await load(id)).record.lastSeenAt, lastSeenAt + 1, "lastSeenAt");
      await store.touch(id, lastSeenAt, expiresAt + 1, now());
      expectEqual((await load(id)).record.expiresAt, expiresAt + 1, "expiresAt");
      expectEqual((await load(id)).record.lastSeenAt, lastSeenAt + 1, "lastSeenAt");
    },
  },
  {
    name: "touch: of a hundred at once the latest wins",
    async run({ store, other, add, load, now }) {
      const { id } = await add("ada");
      const at = now();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => {
          const later = at + ((index * 37) % 100);
          return (index % 2 === 0 ? store : other).touch(id, later, later + DAY, at);
        }),
      );
      expectEqual(answers.filter(Boolean).length, 100, "how many answered true");
      const { record } = await load(id);
      expectEqual(record.lastSeenAt, at + 99, "lastSeenAt");
      expectEqual(record.expiresAt, at + 99 + DAY, "expiresAt");
    },
  },
  {
    name: "touch: keeps a record from the sweep that would have taken it",
    async run({ store, add, load, wait, now }) {
      const before = await add("ada");
      await store.touch(before.id, now(), now() + 2 * HOUR, now());
      await wait(HOUR + SECOND);
      await store.sweep(100, now());
      expectEqual((await load(before.id)).record.body, before.body, "the body");
      expectEqual(await listedIds(store, now(), "ada"), [before.id], "list");
    },
  },
  {
    name: "P5 touch: never creates",
    async run({ store, newId, now }) {
      const id = await newId();
      expectEqual(await store.touch(id, now(), now() + HOUR, now()), false, "touch");
      expectEqual(await store.load(id), undefined, "load");
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "P5 touch: does not revive a closed record",
    async run({ store, add, load, now }) {
      const { id, lastSeenAt } = await add("ada");
      const next = { body: "closed", lastSeenAt, expiresAt: now() + MINUTE, close: true };
      await store.update(id, 1, next, now());
      const before = await load(id);
      expectEqual(await store.touch(id, now() + 1, now() + DAY, now()), false, "touch");
      expectEqual(await load(id), before, "the record");
      expectEqual(await listedIds(store, now()), [], "list");
    },
  },
  {
    name: "P5 touch: does not revive an expired record, from its expiresAt on",
    async run({ store, add, wait, now }) {
      const { id } = await add("ada");
      for (const late of [HOUR, SECOND]) {
        await wait(late);
        const before = await store.load(id);
        expectEqual(await store.touch(id, now(), now() + DAY, now()), false, "touch");
        const after = await store.load(id);
        if (after !== undefined) expectEqual(after, before, "the record");
        expectEqual(await listedIds(store, now()), [], "list");
      }
    },
  },
];
