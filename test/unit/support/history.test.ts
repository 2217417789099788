import { expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { modelStore } from "../../../src/testing/model.ts";

import { startWork } from "../../support/history.ts";
import type { Verdict } from "../../support/verdict.ts";

async function verdictOn(wrong: (right: SessionStore) => Partial<SessionStore>): Promise<Verdict> {
  const right = modelStore();
  const store = { ...right, ...wrong(right) };
  const work = startWork([store]);
  await work.calm(120);
  return await work.end(store);
}

it("a history finds nothing on a store that is right", async () => {
  const { lost, revived, strangers, failed } = await verdictOn(() => ({}));
  expect({ lost, revived, strangers, failed }).toEqual({
    lost: [],
    revived: [],
    strangers: [],
    failed: 0,
  });
});

it("a history finds changes that were acknowledged and not made", async () => {
  let count = 0;
  const { lost } = await verdictOn((right) => ({
    update(id, revision, next, now) {
      count += 1;
      if (count % 5 === 0 && next.close !== true) return Promise.resolve(true);
      return right.update(id, revision, next, now);
    },
  }));
  expect(lost).not.toEqual([]);
});

it("a history finds sessions that are gone", async () => {
  let count = 0;
  const { lost } = await verdictOn((right) => ({
    create(record, startedAgo, now) {
      count += 1;
      if (count % 5 === 0) return Promise.resolve("created");
      return right.create(record, startedAgo, now);
    },
  }));
  expect(lost).not.toEqual([]);
});

it("P5 a history finds sessions that are live after their end", async () => {
  const { revived } = await verdictOn((right) => ({
    update: (id, revision, next, now) =>
      next.close === true
        ? Promise.resolve(true)
        : right.update(id, revision, { ...next, close: false }, now),
  }));
  expect(revived).not.toEqual([]);
});

it("P5 a history finds sessions that a cut-off did not end", async () => {
  const { revived } = await verdictOn(() => ({ cutOff: () => Promise.resolve(Date.now()) }));
  expect(revived).not.toEqual([]);
});

it("a history finds one user's session in the hands of another", async () => {
  let last: Awaited<ReturnType<SessionStore["load"]>>;
  let count = 0;
  const { strangers } = await verdictOn((right) => ({
    async load(id) {
      const loaded = await right.load(id);
      count += 1;
      const given = count % 10 === 0 ? last : loaded;
      last = loaded;
      return given;
    },
  }));
  expect(strangers).not.toEqual([]);
});
