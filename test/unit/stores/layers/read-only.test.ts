import { expect, it } from "vitest";
import { ConfigError, StoreReadOnlyError } from "../../../../src/errors.ts";
import type { SessionStore } from "../../../../src/stores/contract.ts";
import { readOnly } from "../../../../src/stores/layers/read-only.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import { recording } from "../../../../src/testing/recording.ts";
import { failureOf } from "../../../support/failure-of.ts";
import { memoryApp } from "../../../support/ways.ts";

const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";
const HOUR = 3_600_000;

function scene(when?: () => boolean) {
  const asked = recording({ ...memoryStore(), home: async () => "homeHome" });
  return { asked, store: readOnly(asked.store, when && { when }) };
}

const now = Date.now();
const times = { lastSeenAt: now, expiresAt: now + HOUR };
const record = { id: ID, userId: "ada", ...times, closed: false, body: "b" };

const WRITES: readonly [string, (store: ReturnType<typeof scene>["store"]) => unknown][] = [
  ["create", (store) => store.create(record, 0, now)],
  ["update", (store) => store.update(ID, 1, { ...times, body: "c" }, now)],
  ["touch", (store) => store.touch(ID, now, now + HOUR, now)],
  ["cutOff", (store) => store.cutOff("ada", { keepUntil: now + HOUR }, now)],
  ["sweep", (store) => store.sweep(10, now)],
  ["home", (store) => store.home?.("ada")],
  ["add", (store) => store.add({ kind: "everyone", at: now, until: now + HOUR })],
];

it.each(WRITES)("refuses `%s` with a typed 503, before the store is asked", async (verb, write) => {
  const { asked, store } = scene();
  const error = await failureOf(() => write(store));
  expect(error).toBeInstanceOf(StoreReadOnlyError);
  expect(error).toMatchObject({
    status: 503,
    code: "ERR_STORE_READ_ONLY",
    operation: verb,
    store: "memory",
  });
  expect(asked.count()).toBe(0);
});

it.each(WRITES)("lets `%s` through while writes are not refused", async (verb, write) => {
  let isOn = false;
  const { asked, store } = scene(() => isOn);
  await write(store);
  isOn = true;
  await expect(write(store)).rejects.toBeInstanceOf(StoreReadOnlyError);
  expect(asked.calls.map((call) => call.verb)).toEqual([verb]);
});

it("reads, lists and mirrors the feed as the store does", async () => {
  const { asked, store } = scene();
  await asked.store.create(record, 0, now);
  await asked.store.add({ kind: "everyone", at: now, until: now + HOUR });
  expect(await store.load(ID)).toEqual(await asked.store.load(ID));
  expect((await store.list({ userId: "ada", limit: 10 }, now)).records).toHaveLength(1);
  expect((await store.since(undefined)).revocations).toHaveLength(1);
});

it("P10 signed-in users go on reading, writes are 503, and no cookie is taken", async () => {
  let isOn = false;
  const app = memoryApp({
    store: readOnly(memoryStore(), { when: () => isOn }),
    timeouts: { touchInterval: 1 },
  });
  const ada = app.browser();
  await ada.set("theme", "dark");
  await ada.signIn("ada");
  isOn = true;
  app.clock.advance("10s");
  const { result, head } = await ada.visit((session) => session.load());
  expect([result.userId, result.get("theme"), head.cookies]).toEqual(["ada", "dark", []]);
  await expect(ada.set("theme", "light")).rejects.toBeInstanceOf(StoreReadOnlyError);
  await expect(app.sessions.revokeUser("ada")).rejects.toBeInstanceOf(StoreReadOnlyError);
  const visitor = app.browser();
  await expect(visitor.set("theme", "light")).rejects.toBeInstanceOf(StoreReadOnlyError);
  expect(visitor.cookie()).toBe("");
  // Refusals are answers, not trouble: nothing counts as an outage.
  expect(app.told("outage")).toEqual([]);
  isOn = false;
  expect((await ada.read()).get("theme")).toBe("dark");
});

it("P10 a request that owes a rotation goes on reading, and it comes after the maintenance", async () => {
  let isOn = false;
  const app = memoryApp({
    store: readOnly(memoryStore(), { when: () => isOn }),
    rotateEvery: "1m",
  });
  const [confirms, rotates] = [app.browser(), app.browser()];
  for (const each of [confirms, rotates]) {
    await each.signIn("ada");
    await each.read();
  }
  app.clock.advance("61s");
  await confirms.read();
  isOn = true;
  for (const each of [confirms, rotates]) {
    const { result, head } = await each.visit((session) => session.load());
    expect([result.userId, head.cookies]).toEqual(["ada", []]);
    await expect(each.set("theme", "dark")).rejects.toBeInstanceOf(StoreReadOnlyError);
  }
  isOn = false;
  const before = rotates.cookie();
  for (const each of [confirms, rotates]) expect((await each.read()).userId).toBe("ada");
  expect(rotates.cookie()).not.toBe(before);
});

it("refuses options that cannot work, by name", () => {
  expect(() => readOnly({} as SessionStore)).toThrow("`store`");
  expect(() => readOnly(memoryStore(), { when: true as never })).toThrow(ConfigError);
});
