import { expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../../../src/stores/contract.ts";
import { cached } from "../../../../src/stores/layers/cached.ts";
import { encrypted } from "../../../../src/stores/layers/encrypted.ts";
import { moving } from "../../../../src/stores/layers/moving.ts";
import { observed } from "../../../../src/stores/layers/observed.ts";
import { readOnly } from "../../../../src/stores/layers/read-only.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import { testClock } from "../../../../src/testing/clock.ts";
import { recording } from "../../../../src/testing/recording.ts";
import { allOf } from "../../../support/told.ts";
import { memoryApp, SECRET } from "../../../support/ways.ts";

type Store = SessionStore & Revocations;

const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";
const HOUR = 3_600_000;
const now = Date.now();
const times = { lastSeenAt: now, expiresAt: now + HOUR };
const record = { id: ID, userId: "ada", ...times, closed: false, body: "plain" };

const ORDERS: readonly [string, (store: Store) => Store][] = [
  [
    "as the page says",
    (store) =>
      observed(
        cached(encrypted(readOnly(observed(store), { when: () => false }), { secrets: [SECRET] }), {
          staleFor: "60s",
        }),
      ),
  ],
  [
    "the other way round",
    (store) =>
      readOnly(encrypted(observed(cached(store, { staleFor: "60s" })), { secrets: [SECRET] }), {
        when: () => false,
      }),
  ],
  [
    "two caches",
    (store) =>
      cached(encrypted(cached(store, { staleFor: "60s" }), { secrets: [SECRET] }), {
        staleFor: "60s",
      }),
  ],
];

it.each(ORDERS)(
  "stacked %s, every way to read gives the same, and past every cache",
  async (_, stack) => {
    const asked = recording(memoryStore());
    const store = stack(allOf(asked.store));
    await store.create(record, 0, now);
    expect((await store.load(ID))?.record.body).toBe("plain");
    expect((await store.recall?.(ID))?.record.body).toBe("plain");
    expect((await store.refresh?.(ID))?.record.body).toBe("plain");
    asked.clear();
    await store.load(ID);
    expect(asked.count("load")).toBe(0);
    await store.refresh?.(ID);
    expect(asked.count("load")).toBe(1);
    const elsewhere = encrypted(asked.store, { secrets: [SECRET] });
    await elsewhere.update(ID, 1, { ...times, body: "changed" }, now);
    expect((await store.refresh?.(ID))?.record.body).toBe("changed");
    expect((await store.load(ID))?.record.body).toBe("changed");
  },
);

it.each(ORDERS)("stacked %s, an app signs in, reads, signs out and is closed", async (_, stack) => {
  const app = memoryApp({ store: stack(memoryStore()) });
  const ada = app.browser();
  await ada.set("theme", "dark");
  await ada.signIn("ada");
  const loaded = await ada.read();
  expect([loaded.userId, loaded.get("theme")]).toEqual(["ada", "dark"]);
  const copy = ada.copy();
  await ada.visit((session) => session.signOut());
  expect((await copy.read()).refusal).toBe("closed");
  await app.sessions.close();
  await expect(copy.read()).rejects.toMatchObject({ status: 503 });
});

it("P5 around two stores, a cache sees what a process on the new one alone has ended", async () => {
  const clock = testClock();
  const make = () => allOf(memoryStore({ clock: clock.now }));
  const [from, to] = [make(), make()];
  const began = clock.now();
  const live = { ...record, lastSeenAt: began, expiresAt: began + HOUR };
  await from.create(live, 0, began);
  const both = moving({ from, to, move: true, clock: clock.now });
  const store = cached(both, { staleFor: "1h", clock: clock.now });
  expect((await store.load(ID))?.record.closed).toBe(false);
  const { revision = 0 } = (await to.load(ID))?.record ?? {};
  const end = { lastSeenAt: began, expiresAt: began + HOUR, body: "", close: true };
  expect(await to.update(ID, revision, end, began)).toBe(true);
  expect((await store.refresh?.(ID))?.record.closed).toBe(true);
});
