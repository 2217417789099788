import { describe, expect, it } from "vitest";
import type { RedisStoreOptions } from "../../../src/stores/redis.ts";
import { redisStore } from "../../../src/stores/redis.ts";

// Never asked: the options are looked at before anything is sent.
const client: RedisStoreOptions["client"] = {
  sendCommand: () => Promise.reject(new Error("sent")),
};

const legacySubscriber = {
  ...{ subscribe() {}, unsubscribe() {}, on() {}, off() {} },
  options: { legacyMode: true },
};

describe("redisStore refuses at start", () => {
  it.each([
    ["client", { client: undefined }, /redis, ioredis, iovalkey or @valkey\/valkey-glide/],
    ["client", { client: {} }, /must be a connected client/],
    ["client", { client: { ...client, options: { keyPrefix: "app:" } } }, /`namespace`/],
    ["namespace", { client, namespace: "" }, /1 to 64 letters/],
    ["namespace", { client, namespace: "a{b}" }, /1 to 64 letters/],
    ["namespace", { client, namespace: "x".repeat(65) }, /1 to 64 letters/],
    ["subscriber", { client, subscriber: {} }, /another one than `client`/],
    ["subscriber", { client, subscriber: client }, /another client than `client`/],
    ["subscriber", { client, subscriber: legacySubscriber }, /`legacyMode`/],
    ["confirm.replicas", { client, confirm: { replicas: 0 } }, /from 1 on/],
    ["confirm.timeout", { client, confirm: { replicas: 1, timeout: 0 } }, /milliseconds/],
    ["forgets", { client, forgets: ["everything"] }, /"restart", "eviction" and "failover"/],
    ["clock", { client, clock: 5 }, /must be a function/],
  ])("`%s`: %o", (option, options, problem) => {
    expect(() => redisStore(options as never)).toThrow(
      expect.objectContaining({
        code: "ERR_CONFIG",
        option,
        message: expect.stringMatching(problem),
      }) as Error,
    );
  });
});

describe("redisStore", () => {
  it("says that it may forget whatever a deployment can forget, unless it is told", () => {
    expect(redisStore({ client }).traits.forgets).toEqual(["restart", "eviction", "failover"]);
    expect(redisStore({ client, forgets: [] }).traits.forgets).toEqual([]);
  });

  it("has `watch` only with a connection to listen on", () => {
    expect(redisStore({ client }).watch).toBeUndefined();
  });

  it("asks nobody about what is no id", async () => {
    const store = redisStore({ client });
    const next = { body: "", lastSeenAt: 0, expiresAt: 1 };
    for (const id of ["", "x", "*".repeat(24), `${"a".repeat(24)}\n`]) {
      expect(await store.load(id)).toBeUndefined();
      expect(await store.update(id, 1, next, 0)).toBe(false);
      expect(await store.touch(id, 0, 1, 0)).toBe(false);
    }
  });

  it("P10 takes no answer for an error, and not for a session that is not there", async () => {
    const store = redisStore({ client: { sendCommand: async () => undefined } });
    await expect(async () => await store.load("a".repeat(24))).rejects.toThrow();
    const absent = redisStore({ client: { sendCommand: async () => null } });
    expect(await absent.load("a".repeat(24))).toBeUndefined();
  });

  it("refuses cursors that it did not give", async () => {
    const store = redisStore({ client });
    await expect(store.list({ userId: "ada", cursor: "x", limit: 1 }, 0)).rejects.toThrow(
      TypeError,
    );
    const sent = redisStore({ client: { sendCommand: async () => ["0", []] } });
    for (const cursor of ["", "x", "0,,short,", "0"]) {
      await expect(sent.list({ cursor, limit: 1 }, 0)).rejects.toThrow(TypeError);
    }
  });

  it("refuses everything once it is closed", async () => {
    const store = redisStore({ client });
    await store.close();
    await store.close();
    await expect(store.load("a".repeat(24))).rejects.toThrow("the Redis store is closed");
  });
});
