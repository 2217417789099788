import { describe, expect, it } from "vitest";
import { ConfigError, UnreadableRecordError } from "../../../../src/errors.ts";
import { decodeBase64url, encodeBase64url } from "../../../../src/lib/base64url.ts";
import type { Loaded, Revocations, SessionStore } from "../../../../src/stores/contract.ts";
import { encrypted } from "../../../../src/stores/layers/encrypted.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import { recording } from "../../../../src/testing/recording.ts";
import { createKeyRing } from "../../../../src/token/key-ring.ts";
import { seal } from "../../../../src/token/seal.ts";
import { memoryApp, OTHER_SECRET, SECRET } from "../../../support/ways.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER_ID = "bbbbbbbbbbbbbbbbbbbbbbbb";

type Store = SessionStore & Revocations;

const newRecord = (id = ID, userId: string | undefined = "ada", body = '{"card":"4242"}') => {
  const now = Date.now();
  return { id, userId, lastSeenAt: now, expiresAt: now + HOUR, closed: false, body };
};

const next = (body: string, close = false) => ({
  body,
  lastSeenAt: Date.now(),
  expiresAt: Date.now() + HOUR,
  close,
});

function scene(secrets = [SECRET]) {
  const inner = memoryStore();
  return { inner, store: encrypted(inner, { secrets }) };
}

const bodyAtRest = async (inner: Store, id = ID): Promise<string> =>
  (await inner.load(id))?.record.body ?? "";

/** Whoever can write to the store puts another body there. */
async function plant(inner: Store, body: string, id = ID): Promise<void> {
  const { record } = (await inner.load(id)) as Loaded;
  expect(await inner.update(id, record.revision, next(body), Date.now())).toBe(true);
}

const failureOf = async (attempt: unknown): Promise<UnreadableRecordError> => {
  const outcome = await Promise.resolve(attempt).then(
    (value) => expect.fail(`it gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UnreadableRecordError);
  return outcome as UnreadableRecordError;
};

describe("at rest", () => {
  it("P7 a store sees nothing of a body, and never the same text twice", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    const first = await bodyAtRest(inner);
    expect(first).toMatch(/^[\w-]+$/);
    expect(Buffer.from(first, "base64url").toString("latin1")).not.toContain("4242");
    await store.update(ID, 1, next('{"card":"4242"}'), Date.now());
    expect(await bodyAtRest(inner)).not.toBe(first);
    expect((await store.load(ID))?.record.body).toBe('{"card":"4242"}');
  });

  it("every character of a body comes back", async () => {
    const { store } = scene();
    const body = "Zoë ❄ 𝄞 \u0001 \ufeff";
    await store.create(newRecord(ID, "ada", body), 0, Date.now());
    expect((await store.load(ID))?.record.body).toBe(body);
    await store.create(newRecord(OTHER_ID, undefined, ""), 0, Date.now());
    expect((await store.load(OTHER_ID))?.record.body).toBe("");
  });

  it("the limit of a body is what the store can hold of its encrypted text", async () => {
    const { inner, store } = scene();
    const most = store.traits.maxBodyBytes;
    await store.create(newRecord(ID, "ada", "x".repeat(most)), 0, Date.now());
    const taken = (await bodyAtRest(inner)).length;
    expect(taken).toBeLessThanOrEqual(inner.traits.maxBodyBytes);
    expect(taken).toBeGreaterThan(inner.traits.maxBodyBytes - 4);
  });

  it("a key is of one day, and a body opens on any later one", async () => {
    const inner = memoryStore();
    let at = Date.UTC(2026, 0, 1);
    const store = encrypted(inner, { secrets: [SECRET], clock: () => at });
    await store.create(newRecord(), 0, Date.now());
    at += 100 * DAY;
    await store.create(newRecord(OTHER_ID), 0, Date.now());
    // By another process, in whatever order.
    const another = encrypted(inner, { secrets: [SECRET] });
    for (const id of [OTHER_ID, ID]) {
      expect((await another.load(id))?.record.body).toBe('{"card":"4242"}');
    }
    const days = [await bodyAtRest(inner), await bodyAtRest(inner, OTHER_ID)].map((text) =>
      Buffer.from(text, "base64url").readUInt16BE(5),
    );
    expect((days[1] as number) - (days[0] as number)).toBe(100);
    // The day is part of the key: with another one in the header nothing opens.
    const bytes = decodeBase64url(await bodyAtRest(inner)) as Uint8Array;
    bytes[6] = (bytes[6] as number) + 1;
    await plant(inner, encodeBase64url(bytes));
    expect((await failureOf(store.load(ID))).reason).toBe("changed");
  });
});

describe("secrets", () => {
  it("P8 the first one makes, every one opens, and a write moves a body to the first", async () => {
    const inner = memoryStore();
    const old = encrypted(inner, { secrets: [SECRET] });
    const both = encrypted(inner, { secrets: [OTHER_SECRET, SECRET] });
    const fresh = encrypted(inner, { secrets: [OTHER_SECRET] });
    await old.create(newRecord(), 0, Date.now());
    expect((await both.load(ID))?.record.body).toBe('{"card":"4242"}');
    expect((await failureOf(fresh.load(ID))).reason).toBe("unknown-key");
    await both.update(ID, 1, next("moved"), Date.now());
    expect((await fresh.load(ID))?.record.body).toBe("moved");
    expect((await failureOf(old.load(ID))).reason).toBe("unknown-key");
  });

  it("refuses weak ones by name, as the app's own", () => {
    for (const secrets of [[], ["keyboard cat"], undefined]) {
      const make = () => encrypted(memoryStore(), { secrets: secrets as string[] });
      expect(make).toThrow(ConfigError);
      expect(make).toThrow("`secrets`");
    }
    const make = () => encrypted(memoryStore(), { secrets: [SECRET], clock: 1 as never });
    expect(make).toThrow("`clock`");
  });
});

describe("a body that does not open is an error and never data", () => {
  it("one that is not encrypted", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    for (const body of ['{"v":1}', "", "AAAA", "BAAA", "plain text", "BA", "====", "Ā"]) {
      await plant(inner, body);
      const error = await failureOf(store.load(ID));
      expect([error.reason, error.status, error.code, error.sessionId]).toEqual([
        "unencrypted",
        500,
        "ERR_RECORD_UNREADABLE",
        ID,
      ]);
      expect([error.expose, error.message.includes("4242")]).toEqual([false, false]);
    }
  });

  it("one of which a single bit was changed, anywhere", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    const genuine = decodeBase64url(await bodyAtRest(inner)) as Uint8Array;
    for (let at = 0; at < genuine.length; at += 1) {
      const bytes = new Uint8Array(genuine);
      bytes[at] = (bytes[at] as number) ^ 1;
      await plant(inner, encodeBase64url(bytes));
      const { reason } = await failureOf(store.load(ID));
      expect(reason, `byte ${at}`).toBe(
        at === 0 ? "unencrypted" : at < 5 ? "unknown-key" : "changed",
      );
    }
    for (const length of [0, 18, 34, genuine.length - 1]) {
      await plant(inner, encodeBase64url(genuine.subarray(0, length)));
      await failureOf(store.load(ID));
    }
  });

  it("one of another session, also of the same user", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    await store.create(newRecord(OTHER_ID), 0, Date.now());
    await plant(inner, await bodyAtRest(inner, OTHER_ID));
    expect((await failureOf(store.load(ID))).reason).toBe("changed");
  });

  it("one in a record that was given to another user", async () => {
    const { inner, store } = scene();
    const from = memoryStore();
    const source = encrypted(from, { secrets: [SECRET] });
    for (const [userId, thief] of [
      ["ada", "mallory"],
      ["ada", undefined],
      [undefined, "mallory"],
    ]) {
      const id = `${userId}${thief}`.padEnd(24, "-").slice(0, 24);
      await source.create(newRecord(id, userId), 0, Date.now());
      const body = await bodyAtRest(from, id);
      await inner.create({ ...newRecord(id, thief), userId: thief, body }, 0, Date.now());
      expect((await failureOf(store.load(id))).reason).toBe("changed");
    }
  });

  it("a cookie's seal under the same secret, and a body is no seal", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    const ring = createKeyRing({ secrets: [SECRET], app: "", cookieName: "__Host-Http-sid" });
    const text = (await seal(ring, "{}", Date.now())) as string;
    await plant(inner, text);
    expect((await failureOf(store.load(ID))).reason).toBe("unencrypted");
    const bytes = decodeBase64url(text) as Uint8Array;
    bytes[0] = 4;
    await plant(inner, encodeBase64url(bytes));
    expect((await failureOf(store.load(ID))).reason).toBe("changed");
  });

  it("P10 it logs nobody out: the request fails, the cookie stays, the breaker stays shut", async () => {
    const inner = memoryStore();
    const app = memoryApp({ store: encrypted(inner, { secrets: [SECRET] }) });
    const ada = app.browser();
    await ada.signIn("ada");
    const bob = app.browser();
    await bob.signIn("bob");
    const id = (await ada.read()).id as string;
    await plant(inner, "{}", id);
    for (let n = 0; n < 6; n += 1) {
      const visit = ada.begin();
      await failureOf(visit.session.load());
      expect((await visit.finish({ failed: true })).cookies).toEqual([]);
    }
    expect((await bob.read()).userId).toBe("bob");
    expect(app.told("outage")).toEqual([]);
  });

  it("in a list it is an empty body, and the others are there", async () => {
    const inner = memoryStore();
    const app = memoryApp({ store: encrypted(inner, { secrets: [SECRET] }) });
    const browsers = [app.browser(), app.browser()];
    for (const each of browsers) await each.signIn("ada");
    const [bad, good] = [await browsers[0]?.read(), await browsers[1]?.read()];
    await plant(inner, "{}", bad?.id);
    const page = await encrypted(inner, { secrets: [SECRET] }).list(
      { userId: "ada", limit: 10 },
      app.clock.now(),
    );
    expect(page.records.map(({ body }) => body === "").sort()).toEqual([false, true]);
    const listed: string[] = [];
    for await (const { id } of app.sessions.list("ada")) listed.push(id);
    expect(listed).toEqual([good?.id]);
  });
});

describe("round trips", () => {
  it("a write after a read is one, by a process that has not read it two", async () => {
    const asked = recording(memoryStore());
    const store = encrypted(asked.store, { secrets: [SECRET] });
    await store.create(newRecord(), 0, Date.now());
    await store.load(ID);
    asked.clear();
    expect(await store.update(ID, 1, next("b"), Date.now())).toBe(true);
    expect(asked.calls.map(({ verb }) => verb)).toEqual(["update"]);
    const another = encrypted(asked.store, { secrets: [SECRET] });
    asked.clear();
    expect(await another.update(ID, 2, next("c"), Date.now())).toBe(true);
    expect(asked.calls.map(({ verb }) => verb)).toEqual(["load", "update"]);
    const reader = encrypted(asked.store, { secrets: [SECRET] });
    await reader.load(ID);
    asked.clear();
    expect(await reader.update(ID, 3, next("d"), Date.now())).toBe(true);
    expect(asked.calls.map(({ verb }) => verb)).toEqual(["update"]);
  });

  it("an update of what is not there is refused, and nothing is written", async () => {
    const asked = recording(memoryStore());
    const store = encrypted(asked.store, { secrets: [SECRET] });
    expect(await store.update(ID, 1, next("b"), Date.now())).toBe(false);
    expect(asked.count("update")).toBe(0);
  });

  it("a closed session opens without its user", async () => {
    const { inner, store } = scene();
    await store.create(newRecord(), 0, Date.now());
    await store.update(ID, 1, next("closed", true), Date.now());
    expect((await inner.load(ID))?.record.userId).toBeUndefined();
    expect((await store.load(ID))?.record.body).toBe("closed");
  });
});
