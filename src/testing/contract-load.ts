/**
 * The contract of `load`.
 *
 * @module
 */

import type { SessionRecord } from "../stores/contract.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./store-scene.ts";

export const loadTests: readonly ContractTest[] = [
  {
    name: "load: answers undefined for an id that nobody created",
    async run({ store, newId }) {
      expectEqual(await store.load(await newId()), undefined, "load");
      expectEqual(await store.load(await newId("ada")), undefined, "load");
    },
  },
  {
    name: "load: gives a record as it was created, every field",
    async run({ store, newRecord, load, now }) {
      for (const userId of ["ada", undefined]) {
        const record = await newRecord(userId);
        await store.create(record, 0, now());
        const { mark, ...kept } = (await load(record.id)).record;
        expectEqual(kept, { ...record, revision: 1 }, "the record");
        expectEqual(typeof mark, "number", "the type of the mark");
      }
    },
  },
  {
    name: "load: gives closed records as they lie",
    async run({ store, add, load, now }) {
      const { id, lastSeenAt } = await add("ada");
      const next = { body: "successor", lastSeenAt, expiresAt: now() + MINUTE, close: true };
      await store.update(id, 1, next, now());
      const { record } = await load(id);
      expectTrue(record.closed, "the record is closed");
      expectEqual(record.body, "successor", "the body");
    },
  },
  {
    name: "load: gives an expired record as it lies, until the backend has removed it",
    async run({ store, add, wait }) {
      const record = await add("ada");
      await wait(HOUR);
      const loaded = await store.load(record.id);
      if (loaded !== undefined) expectEqual(loaded.record, record, "the record");
    },
  },
  {
    name: "load: tells the cut-off of the record's user, and of nobody else",
    async run({ store, add, load, wait, now }) {
      const ada = await add("ada");
      const bob = await add("bob");
      const visitor = await add();
      expectEqual((await load(ada.id)).cutOff, 0, "the cut-off before there is one");
      await wait(MINUTE);
      const cutOff = await store.cutOff("ada", { keepUntil: now() + DAY }, now());
      expectEqual((await load(ada.id)).cutOff, cutOff, "the cut-off of ada");
      expectEqual((await load(bob.id)).cutOff, 0, "the cut-off of bob");
      expectEqual((await load(visitor.id)).cutOff, 0, "the cut-off of a visitor");
    },
  },
  {
    name: "load: what it hands out is the caller's to change",
    async run({ add, load }) {
      const before = { ...(await add("ada")) };
      const { record } = await load(before.id);
      Object.assign(record as { -readonly [Key in keyof SessionRecord]: SessionRecord[Key] }, {
        body: "changed by the caller",
        revision: 99,
        closed: true,
      });
      expectEqual((await load(before.id)).record, before, "the record");
    },
  },
  {
    name: "P5 load: the cut-off is read with the record or after it, never before",
    needs: ["a wire"],
    async run({ fixture, store, add, wait, now }) {
      // A load that sees what was written after a cut-off has to see the cut-off as well.
      for (let at = 1, sent = at; sent >= at; at += 1) {
        // Signed in after the cut-off of the round before.
        await wait(SECOND);
        const { id } = await add("ada");
        await wait(MINUTE);
        let armed = false;
        let cutOff = 0;
        sent = 0;
        const wired = await fixture.wired?.(async (_command, send) => {
          if (armed) sent += 1;
          if (armed && sent === at) {
            cutOff = await store.cutOff("ada", { keepUntil: now() + DAY }, now());
            const next = { body: "later", lastSeenAt: now(), expiresAt: now() + DAY };
            await store.update(id, 1, next, now());
          }
          return await send();
        });
        armed = true;
        const loaded = await wired?.load(id);
        armed = false;
        await wired?.close();
        if (loaded?.record.body === "later") {
          expectTrue(loaded.cutOff >= cutOff, `the cut-off is seen, at command ${at} of load`);
        }
      }
    },
  },
  {
    name: "load: every handle sees at once what one of them has acknowledged",
    needs: ["another handle"],
    async run({ store, other, newRecord, load, now }) {
      // Both have read before, so that a handle which goes on reading an old snapshot is found out.
      const record = await newRecord("ada");
      for (const handle of [store, other]) {
        expectEqual(await handle.load(record.id), undefined, "load before create");
      }
      await other.create(record, 0, now());
      const handles = [store, other] as const;
      for (let revision = 1; revision <= 20; revision += 1) {
        const [writer, reader] = revision % 2 === 0 ? handles : [...handles].reverse();
        const next = { ...record, body: `revision ${revision + 1}` };
        expectEqual(await writer?.update(record.id, revision, next, now()), true, "update");
        expectEqual((await reader?.load(record.id))?.record.body, next.body, "the body");
      }
      const cutOff = await other.cutOff("ada", { keepUntil: now() + DAY }, now());
      expectEqual((await load(record.id)).cutOff, cutOff, "the cut-off");
    },
  },
];
