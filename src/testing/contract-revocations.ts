/**
 * The contract of the feed of revocations, for stores that keep one.
 *
 * @module
 */

import type { Revocation, Revocations } from "../stores/contract.ts";
import { USER_IDS } from "./contract-names.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, MINUTE, sleep } from "./store-scene.ts";

export const revocationTests: readonly ContractTest[] = [
  {
    name: "revocations: a feed begins empty, with a cursor to go on from",
    needs: ["revocations"],
    async run(scene) {
      const { feed } = feeds(scene);
      const begin = await feed.since(undefined);
      expectEqual(begin.revocations, [], "the entries");
      expectEqual((await feed.since(begin.cursor)).revocations, [], "the entries after the cursor");
    },
  },
  {
    name: "revocations: entries of every kind come back field by field, in order, from any handle",
    needs: ["revocations"],
    async run(scene) {
      const { feed, other } = feeds(scene);
      const entries = [
        entry("session", scene, await scene.newId("ada")),
        entry("user", scene, "ada"),
        { ...entry("user", scene, "a\u0000🧥"), except: await scene.newId("ada") },
        entry("everyone", scene),
        { ...entry("everyone", scene), except: await scene.newId("ada") },
        ...USER_IDS.map((userId) => entry("user", scene, userId)),
      ];
      const { cursor } = await other.since(undefined);
      for (const revocation of entries) await feed.add(revocation);
      for (const reader of [feed, other]) {
        expectEqual((await reader.since(undefined)).revocations, entries, "from the beginning");
        expectEqual((await reader.since(cursor)).revocations, entries, "from the cursor");
      }
    },
  },
  {
    name: "revocations: a reader that goes on from its cursor gets each new entry and no old one",
    needs: ["revocations"],
    async run(scene) {
      const { feed, other } = feeds(scene);
      let cursor: string | undefined;
      for (let index = 0; index < 20; index += 1) {
        const added = entry("user", scene, `user ${index}`);
        await (index % 2 === 0 ? feed : other).add(added);
        const page = await other.since(cursor);
        expectEqual(page.revocations, [added], "the entries after the cursor");
        cursor = page.cursor;
      }
      expectEqual((await feed.since(cursor)).revocations, [], "the entries after the last cursor");
    },
  },
  {
    name: "P5 revocations: a reader misses none of 300 that are added at once by two handles",
    needs: ["revocations"],
    async run(scene) {
      const { feed, other } = feeds(scene);
      const ids = Array.from({ length: 300 }, (_, index) => `user ${index}`);
      const seen: (string | undefined)[] = [];
      let cursor: string | undefined;
      let adding = true;
      async function read(): Promise<void> {
        const page = await other.since(cursor);
        cursor = page.cursor;
        seen.push(...page.revocations.map(({ id }) => id));
      }
      const reader = (async () => {
        while (adding) {
          await read();
          await sleep(0);
        }
        await read();
      })();
      await Promise.all(
        ids.map(async (id, index) => {
          // Some are under way whenever the reader reads, also where all of them take equally long.
          await sleep(index % 10);
          await (index % 2 === 0 ? feed : other).add(entry("user", scene, id));
        }),
      );
      adding = false;
      await reader;
      expectEqual([...seen].sort(), [...ids].sort(), "the ids that the reader has seen");
    },
  },
  {
    name: "P5 revocations: who goes on while there is more gets everything, however much there is",
    needs: ["revocations"],
    async run(scene) {
      const { feed, other } = feeds(scene);
      const many = 2500;
      // Some are over: a page of nothing else is not the end.
      const added = Array.from({ length: many }, (_, index) => {
        const valid = entry("user", scene, `${index}`);
        return index < many / 2 ? { ...valid, until: scene.now() - HOUR } : valid;
      });
      await Promise.all(added.map((revocation) => feed.add(revocation)));
      const seen: (string | undefined)[] = [];
      let cursor: string | undefined;
      let more: boolean | undefined = true;
      for (let pages = 0; more === true; pages += 1) {
        expectTrue(pages <= many, "the pages come to an end");
        const page = await other.since(cursor);
        seen.push(...page.revocations.map(({ id }) => id));
        ({ cursor, more } = page);
      }
      const valid = added.filter(({ until }) => until > scene.now()).map(({ id }) => id);
      // One that is told twice does no harm: a layer over two feeds may have forgotten that it told it.
      expectEqual([...new Set(seen)].sort(), [...valid].sort(), "the ids that the reader has seen");
      const last = entry("user", scene, "last");
      await feed.add(last);
      expectEqual((await other.since(cursor)).revocations, [last], "the entries after them");
    },
  },
  {
    name: "revocations: one whose time is over is not given any more, one whose time is not, is",
    needs: ["revocations"],
    async run(scene) {
      const { feed } = feeds(scene);
      const over = { ...entry("user", scene, "over"), until: scene.now() - HOUR };
      const valid = entry("user", scene, "valid");
      await feed.add(over);
      await feed.add(valid);
      expectEqual((await feed.since(undefined)).revocations, [valid], "the entries");
      await scene.store.sweep(100, scene.now());
      expectEqual((await feed.since(undefined)).revocations, [valid], "the entries after a sweep");
    },
  },
  {
    name: "revocations: an old cursor stays good while entries before it are swept",
    needs: ["revocations"],
    async run(scene) {
      const { feed } = feeds(scene);
      await feed.add({ ...entry("user", scene, "short"), until: scene.now() + MINUTE });
      const { cursor } = await feed.since(undefined);
      await scene.store.sweep(100, scene.now() + HOUR);
      const added = entry("user", scene, "long");
      await feed.add(added);
      expectEqual((await feed.since(cursor)).revocations, [added], "the entries after the cursor");
    },
  },
  {
    name: "P5 revocations: all of them are there after a restart, and old cursors are good",
    needs: ["revocations", "another handle", "survival of a restart"],
    async run(scene) {
      const { feed } = feeds(scene);
      const [first, second, third] = ["a", "b", "c"].map((id) => entry("user", scene, id));
      await feed.add(first as Revocation);
      const { cursor } = await feed.since(undefined);
      await feed.add(second as Revocation);
      await scene.closeHandles();
      const reopened = await scene.fixture.another?.();
      if (reopened === undefined) return;
      try {
        const again = feedOf(reopened);
        expectEqual((await again.since(undefined)).revocations, [first, second], "the entries");
        await again.add(third as Revocation);
        expectEqual((await again.since(cursor)).revocations, [second, third], "after the cursor");
      } finally {
        await reopened.close();
      }
    },
  },
  {
    name: "P5 namespaces: no entry of one feed is given by another",
    needs: ["revocations", "another namespace"],
    async run(scene) {
      const { feed } = feeds(scene);
      const elsewhere = await scene.fixture.elsewhere?.();
      if (elsewhere === undefined) return;
      const there = feedOf(elsewhere);
      const added = entry("user", scene, "ada");
      await feed.add(added);
      expectEqual((await there.since(undefined)).revocations, [], "the entries elsewhere");
      await there.add({ ...entry("everyone", scene), until: scene.now() + MINUTE });
      await elsewhere.sweep(100, scene.now() + 2 * DAY);
      expectEqual((await feed.since(undefined)).revocations, [added], "the entries here");
    },
  },
  {
    name: "P5 revocations: of one user, one session and everyone there may be many, each is an entry",
    needs: ["revocations"],
    async run(scene) {
      const { feed } = feeds(scene);
      const [id, except] = [await scene.newId("ada"), await scene.newId("ada")];
      const first = [
        entry("session", scene, id),
        { ...entry("user", scene, "ada"), except },
        entry("everyone", scene),
      ];
      // A week later, and with less to be remembered.
      const [at, until] = [scene.now() + 7 * DAY, scene.now() + HOUR];
      const again = first.map(
        ({ kind, id }): Revocation => ({ kind, ...(id && { id }), at, until }),
      );
      for (const revocation of [...first, ...again]) await feed.add(revocation);
      const { revocations } = await feed.since(undefined);
      expectEqual(revocations, [...first, ...again], "the entries");
    },
  },
  {
    name: "revocations: adding the same one twice, as a client that resends does, does no harm",
    needs: ["revocations"],
    async run(scene) {
      const { feed } = feeds(scene);
      const same = entry("user", scene, "ada");
      await feed.add(same);
      await feed.add(same);
      const { revocations } = await feed.since(undefined);
      expectTrue(revocations.length > 0, "the entry is there");
      for (const found of revocations) expectEqual(found, same, "an entry");
    },
  },
];

function feeds({ store, other }: Scene): { feed: Revocations; other: Revocations } {
  return { feed: feedOf(store), other: feedOf(other) };
}

function feedOf(store: Scene["store"]): Revocations {
  const { add, since } = store;
  if (add === undefined || since === undefined) throw new Error("the store has no feed");
  return {
    add: (revocation) => add.call(store, revocation),
    since: (cursor) => since.call(store, cursor),
  };
}

function entry(kind: Revocation["kind"], { now }: Scene, id?: string): Revocation {
  return { kind, ...(id !== undefined && { id }), at: now(), until: now() + DAY };
}
