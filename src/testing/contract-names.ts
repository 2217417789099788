/**
 * Ids, user ids and bodies of every kind come back as they went in, and are never mixed up.
 *
 * @module
 */

import { utf8Length } from "../lib/bytes.ts";
import { expectEqual, expectTrue, show } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import { DAY, listAll, listedIds, MINUTE, SECOND } from "./store-scene.ts";

/** Each of them another user, however alike they look to a collation, a glob or a separator. */
export const USER_IDS: readonly string[] = [
  "a",
  "aa",
  "a:a",
  "a/a",
  "a\\a",
  "a%",
  "a*",
  "a_",
  // Where a path, a query, a key or a list of them would end, and what is decoded once too often.
  "a.a",
  "a#a",
  "a?a",
  "a|a",
  "a,a",
  "a@a",
  "a$a",
  "a~a",
  "a\ta",
  "a\r\n",
  "a+",
  "%61",
  ".",
  "..",
  "A",
  "ａ",
  "a\u00AD",
  "á",
  "a\u0301",
  "a ",
  " a",
  "a\u0000",
  "a\u0000b",
  "a\n",
  "{a}",
  "[a]",
  "a'; DROP TABLE sessions; --",
  "__proto__",
  "constructor",
  "undefined",
  "null",
  "0",
  // One number in three spellings.
  "1",
  "01",
  "1.0",
  "\u0000",
  "\uFFFD",
  "\uFEFFa",
  "\u200Ba",
  "🧥",
  "👩‍💻",
  "अदा",
  "x".repeat(1000),
  `${"x".repeat(999)}y`,
  `${"🧥".repeat(499)}`,
  `${"🧥".repeat(500)}`,
  // As long as one may be: in UTF-16, and then in UTF-8 as well.
  "x".repeat(1024),
  `${"x".repeat(1023)}y`,
  "अ".repeat(1024),
  `${"अ".repeat(1023)}आ`,
];

const BODIES: readonly string[] = [
  "",
  " ",
  "0",
  "null",
  '{"a":1}',
  "no JSON at all",
  " spaces around \n",
  "\r\n\t",
  "\uFEFFwith a mark in front",
  "\u2028\u2029",
  "żółć 🧥 अदा \u200D",
  // One letter and an accent, and other signs that a normal form would replace.
  "a\u0301 \u212B \uFB01",
  "\u0001\u0002\u0007\u0008\u000B\u000C\u001A\u001B\u001F \u007F\u0080\u0085\u009F\u00A0\u00AD",
  "\uFFFD\uFFFE\uFFFF\u{1FFFE}\u{10FFFF} \uE000",
  "back\\slash \\u0000 'quotes' \"more\" `and` $more $& $1 $$",
];

export const nameTests: readonly ContractTest[] = [
  {
    name: "user ids: every text names one user and no other",
    async run({ store, add, load, now }) {
      const owners = new Map<string, string>();
      for (const userId of USER_IDS) owners.set((await add(userId)).id, userId);
      for (const [id, userId] of owners) {
        expectEqual((await load(id)).record.userId, userId, "the user id");
        expectEqual(await listedIds(store, now(), userId), [id], `the list of ${show(userId)}`);
      }
      expectEqual(await listedIds(store, now()), [...owners.keys()].sort(), "the whole list");
    },
  },
  {
    name: "P5 user ids: a cut-off ends the sessions of one user and of no other",
    async run({ store, add, load, wait, now }) {
      const owners = new Map<string, string>();
      for (const userId of USER_IDS) owners.set(userId, (await add(userId)).id);
      // Each is a later one. What it does to another user shows where that one's came before: so both ways.
      for (const order of [USER_IDS, [...USER_IDS].reverse()]) {
        const cutOffs = new Map<string, number>();
        for (const userId of order) {
          await wait(SECOND);
          const cutOff = await store.cutOff(userId, { keepUntil: now() + DAY }, now());
          cutOffs.set(userId, cutOff);
        }
        for (const [owner, id] of owners) {
          const expected = cutOffs.get(owner);
          expectEqual((await load(id)).cutOff, expected, `the cut-off of ${show(owner)}`);
        }
      }
    },
  },
  {
    name: "ids: two that differ in one letter, or only in its case, are two",
    async run({ store, newId, newRecord, load, now }) {
      const base = (await newId("ada")).slice(0, 8);
      const ends = ["aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaA", "AAAAAAAAAAAAAAAA", "----------------"];
      const ids = [...ends, "________________", "-_-_-_-_-_-_-_-_"].map((end) => base + end);
      for (const id of ids) {
        const record = await newRecord("ada", { id, body: id });
        expectEqual(await store.create(record, 0, now()), "created", `create of ${id}`);
      }
      for (const id of ids) expectEqual((await load(id)).record.body, id, `the body of ${id}`);
      const page = await listAll(store, { userId: "ada", limit: 2 }, now());
      expectEqual(page.map(({ id }) => id).sort(), [...ids].sort(), "the list");
    },
  },
  {
    name: "ids: sessions of several users and visitors may have one home",
    async run({ store, newId, add, load, wait, now }) {
      // Where the store chooses a user's home, only a visitor can be made to share it.
      const users = store.home === undefined ? ["ada", "bob", undefined] : ["ada", undefined];
      const home = (await newId("ada")).slice(0, 8);
      const created = new Map<string | undefined, string>();
      for (const userId of users) {
        const id = home + (await newId()).slice(8);
        created.set(userId, (await add(userId, { id })).id);
      }
      for (const [userId, id] of created) {
        if (userId !== undefined) expectEqual(await listedIds(store, now(), userId), [id], "list");
      }
      await wait(MINUTE);
      const cutOff = await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      for (const [userId, id] of created) {
        const expected = userId === "ada" ? cutOff : 0;
        expectEqual((await load(id)).cutOff, expected, `the cut-off of ${userId}`);
      }
    },
  },
  {
    name: "bodies: come back letter by letter, after create and after update",
    async run({ store, add, load, now }) {
      for (const body of BODIES) {
        const { id, ...created } = await add("ada", { body });
        expectEqual(created.body, body, "the body after create");
        const other = BODIES[(BODIES.indexOf(body) + 1) % BODIES.length] as string;
        const next = { body: other, lastSeenAt: now(), expiresAt: now() + DAY };
        await store.update(id, 1, next, now());
        expectEqual((await load(id)).record.body, other, "the body after update");
      }
    },
  },
  {
    name: "bodies: of maxBodyBytes are kept, in one-byte and in four-byte characters",
    async run({ store, add, load, now }) {
      const bytes = Math.min(store.traits.maxBodyBytes, MOST_BYTES);
      const narrow = "n".repeat(bytes);
      const wide = "🧥".repeat(Math.floor(bytes / 4)) + "n".repeat(bytes % 4);
      expectEqual([utf8Length(narrow), utf8Length(wide)], [bytes, bytes], "the sizes to be tried");
      for (const [first, next] of [
        [narrow, wide],
        [wide, narrow],
      ] as const) {
        const { id, body } = await add("ada", { body: first });
        expectTrue(body === first, "the body came back after create");
        const times = { lastSeenAt: now(), expiresAt: now() + DAY };
        expectEqual(await store.update(id, 1, { body: next, ...times }, now()), true, "update");
        expectTrue((await load(id)).record.body === next, "the body came back after update");
      }
    },
  },
];

// What the core writes at most, unless a store takes less.
const MOST_BYTES = 1024 * 1024;
