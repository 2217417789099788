/**
 * The contract of `create`.
 *
 * @module
 */

import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import { DAY, HOUR, isLive, listedIds, MINUTE, SECOND } from "./store-scene.ts";

export const createTests: readonly ContractTest[] = [
  {
    name: "create: begins with revision 1, and with mark 0 for a visitor",
    async run({ add }) {
      expectEqual((await add("ada")).revision, 1, "the revision of a user's record");
      const visitor = await add(undefined, { startedAgo: MINUTE });
      expectEqual(visitor.revision, 1, "the revision of a visitor's record");
      expectEqual(visitor.mark, 0, "the mark of a visitor's record");
    },
  },
  {
    name: "create: the mark is the core's now less the time since the sign-in began",
    needs: ["no clock of its own"],
    async run({ add, now }) {
      expectEqual((await add("ada")).mark, now(), "the mark");
      expectEqual((await add("ada", { startedAgo: 1500 })).mark, now() - 1500, "the mark");
      // Of a session that a cut-off has excepted, which lies a millisecond ahead of the clock.
      expectEqual((await add("ada", { startedAgo: -1 })).mark, now() + 1, "the mark of the next");
    },
  },
  {
    name: "create: the mark is the store's own now less the time since the sign-in began",
    needs: ["a clock of its own"],
    async run({ add, store, newRecord, load, now }) {
      // Records that began just now, before and after, tell between which moments the store's was.
      const before = (await add("ada")).mark;
      const record = await newRecord("ada");
      const wrongNow = now() - 7 * HOUR;
      expectEqual(await store.create(record, 10 * MINUTE, wrongNow), "created", "create");
      const after = (await add("ada")).mark;
      const { mark } = (await load(record.id)).record;
      expectTrue(mark >= before - 10 * MINUTE, "the mark is not earlier than by the store's clock");
      expectTrue(mark <= after - 10 * MINUTE, "the mark is not later than by the store's clock");
    },
  },
  {
    name: "create: never overwrites, whoever asks",
    async run({ store, add, newRecord, load, now }) {
      for (const [owner, intruder] of [
        ["ada", "ada"],
        ["ada", undefined],
        [undefined, undefined],
      ]) {
        const before = await add(owner);
        const record = await newRecord(intruder, { id: before.id, body: "overwritten" });
        expectEqual(await store.create(record, 0, now()), "taken", "create of a taken id");
        expectEqual((await load(before.id)).record, before, "the record that was there");
      }
    },
  },
  {
    name: "P5 create: the id of a closed record is taken",
    async run({ store, add, newRecord, load, now }) {
      const { id, lastSeenAt } = await add("ada");
      const next = { body: "closed", lastSeenAt, expiresAt: now() + MINUTE, close: true };
      await store.update(id, 1, next, now());
      const before = await load(id);
      const again = await newRecord("ada", { id });
      expectEqual(await store.create(again, 0, now()), "taken", "create of a closed id");
      expectEqual(await load(id), before, "the closed record");
    },
  },
  {
    name: "P5 create: the id of an expired record is taken as long as the record lies there",
    async run({ store, add, newRecord, wait, now }) {
      const { id } = await add("ada");
      await wait(2 * HOUR);
      const before = await store.load(id);
      if (before === undefined) return;
      const again = await newRecord("ada", { id });
      expectEqual(await store.create(again, 0, now()), "taken", "create of an expired id");
      expectEqual(await store.load(id), before, "the expired record");
    },
  },
  {
    name: "create: of a hundred at once for one id, one creates",
    async run({ store, other, newRecord, load, now }) {
      const first = await newRecord("ada");
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? store : other).create({ ...first, body: `${index}` }, 0, now()),
        ),
      );
      const winners = answers.flatMap((answer, index) => (answer === "created" ? [index] : []));
      expectEqual(winners.length, 1, "how many were created");
      expectEqual(answers.filter((answer) => answer === "taken").length, 99, "how many were taken");
      expectEqual((await load(first.id)).record.body, `${winners[0]}`, "the body that stayed");
    },
  },
  {
    name: "P5 create: a sign-in that began before the user's cut-off brings nobody in",
    async run({ store, newRecord, now, wait }) {
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      await wait(SECOND);
      for (const startedAgo of [HOUR, 10 * SECOND]) {
        const record = await newRecord("ada");
        const answer = await store.create(record, startedAgo, now());
        const loaded = await store.load(record.id);
        if (answer === "cut-off") {
          expectEqual(loaded, undefined, "load after a refused create");
          expectEqual(await listedIds(store, now(), "ada"), [], "list after a refused create");
          continue;
        }
        expectEqual(answer, "created", "create below the cut-off");
        expectTrue(loaded !== undefined && !isLive(loaded, now()), "the record is not live");
      }
    },
  },
  {
    name: "create: a sign-in that began after the user's cut-off is live",
    async run({ store, add, load, wait, now }) {
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      await wait(HOUR);
      const { id } = await add("ada");
      expectTrue(isLive(await load(id), now()), "the record is live");
    },
  },
  {
    name: "create: a cut-off refuses neither other users nor visitors",
    async run({ store, add, load, now }) {
      await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      for (const userId of ["bob", undefined]) {
        const { id } = await add(userId, { startedAgo: MINUTE });
        expectTrue(isLive(await load(id), now()), "the record is live");
      }
    },
  },
  {
    name: "create: keeps a record that begins closed, out of every list",
    async run({ store, newRecord, load, now }) {
      const record = await newRecord(undefined, { closed: true, body: "adopted" });
      expectEqual(await store.create(record, 0, now()), "created", "create");
      const { mark, ...kept } = (await load(record.id)).record;
      expectEqual({ ...kept, mark }, { ...record, revision: 1, mark: 0 }, "the record");
      expectEqual(await listedIds(store, now()), [], "list");
      expectEqual(
        await store.update(record.id, 1, { ...record, body: "" }, now()),
        false,
        "update",
      );
      const touched = await store.touch(record.id, now() + 1, now() + DAY, now());
      expectEqual(touched, false, "touch");
    },
  },
  {
    name: "create: keeps what it was given, not the object it was given in",
    async run({ store, newRecord, load, now }) {
      const record = { ...(await newRecord("ada")) };
      const { body } = record;
      await store.create(record, 0, now());
      record.body = "changed by the caller";
      expectEqual((await load(record.id)).record.body, body, "the body");
    },
  },
];
