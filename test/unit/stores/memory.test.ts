import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { NewRecord, SessionStore, StoreChange } from "../../../src/stores/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { answersNoVerb } from "../../support/store-closing.ts";

const MEBIBYTE = 1024 * 1024;
const HOUR = 3_600_000;
const now = 1_800_000_000_000;

describe("memoryStore", () => {
  it("refuses options that cannot work, by name", () => {
    for (const maxBytes of [0, -1, 1.5, MEBIBYTE, Number.NaN, Number.POSITIVE_INFINITY, "1 GB"]) {
      expect(() => memoryStore({ maxBytes: maxBytes as number })).toThrow(ConfigError);
      expect(() => memoryStore({ maxBytes: maxBytes as number })).toThrow("`maxBytes` must be");
    }
    expect(() => memoryStore({ clock: 1 as never })).toThrow("`clock` must be");
  });

  it("hands out a record that never changes afterwards", async () => {
    const store = memoryStore();
    await store.create(session("a", "ada"), 0, now);
    const before = (await store.load(id("a")))?.record;
    const copy = { ...before };
    const next = { body: "next", lastSeenAt: now + 1, expiresAt: now + HOUR };
    await store.update(id("a"), 1, next, now);
    await store.touch(id("a"), now + 2, now + 2 * HOUR, now);
    await store.cutOff("ada", { except: id("a"), keepUntil: now + HOUR }, now);
    expect(before).toEqual(copy);
  });

  it("answers no verb after it was closed", async () => {
    const store = memoryStore();
    await store.create(session("a"), 0, now);
    await store.close();
    await answersNoVerb(store, "the memory store is closed");
    await store.close();
  });

  describe("when it is full", () => {
    it("drops visitors before users, each the least recently seen first", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      await addAll(store, ["u1", "u2"], "ada");
      await addAll(store, ["v1", "v2", "v3"]);
      await addAll(store, ["u3", "u4", "u5", "u6", "u7", "u8", "u9"], "bob");
      // A touch and an update are uses.
      await store.touch(id("v1"), now + 1, now + HOUR, now);
      await store.update(id("u1"), 1, { ...session("u1"), body: large("u1") }, now);
      const dropped = await watched(store, () =>
        addAll(store, ["u10", "u11", "u12", "u13", "u14", "u15", "u16", "u17"], "eve"),
      );
      expect(dropped).toEqual(["v2", "v3", "v1", "u2", "u3"]);
      const there = await Promise.all(
        ["u1", "u4", "u17"].map(async (name) => (await store.load(id(name))) !== undefined),
      );
      expect(there).toEqual([true, true, true]);
    });

    it("drops what is expired before anything that is live", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      await addAll(store, ["v1"]);
      const brief = { ...session("brief", "ada", large("brief")), expiresAt: now + 1 };
      await store.create(brief, 0, now);
      await addAll(store, ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10"], "ada");
      const dropped = await watched(store, () =>
        addAll(store, ["u11", "u12", "u13", "u14"], "ada", now + 1),
      );
      expect(await store.load(id("brief"))).toBeUndefined();
      expect(dropped).toEqual([]);
    });

    it("never drops what was just written, nor all users for one visitor", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      const users = Array.from({ length: 15 }, (_, index) => `u${index}`);
      await addAll(store, users, "ada");
      for (const name of ["v1", "v2", "v3"]) {
        await addAll(store, [name]);
        expect(await store.load(id(name))).toBeDefined();
      }
      // Each visitor takes the place of the one before.
      expect((await store.list({ userId: "ada", limit: 100 }, now)).records).toHaveLength(14);
    });

    it("drops closed sessions last: they tell that somebody has signed out", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      await addAll(store, ["closed", "u1"], "ada");
      const next = { body: "", lastSeenAt: now, expiresAt: now + HOUR, close: true };
      await store.update(id("closed"), 1, next, now);
      await addAll(
        store,
        Array.from({ length: 40 }, (_, index) => `x${index}`),
        "ada",
      );
      expect(await store.load(id("u1"))).toBeUndefined();
      expect((await store.load(id("closed")))?.record.closed).toBe(true);
    });

    it("P5 keeps every cut-off until its time", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      await store.cutOff("ada", { keepUntil: now + HOUR }, now);
      await addAll(
        store,
        Array.from({ length: 40 }, (_, index) => `x${index}`),
        "bob",
      );
      expect(await store.create(session("late", "ada"), 1, now)).toBe("cut-off");
    });

    it("counts a session again when it grows, shrinks and goes", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      const names = Array.from({ length: 40 }, (_, index) => `u${index}`);
      for (const name of names) await store.create(session(name, "ada", "small"), 0, now);
      const grow = (name: string, revision: number, body: string) =>
        store.update(id(name), revision, { ...session(name), body }, now);
      for (const name of names.slice(0, 10)) await grow(name, 1, large(name));
      for (const name of names.slice(0, 10)) await grow(name, 2, "small again");
      for (const name of names.slice(10, 20)) await grow(name, 1, large(name));
      expect((await store.list({ limit: 100 }, now)).records).toHaveLength(40);
      await store.sweep(100, now + HOUR);
      await addAll(store, names.slice(0, 15), "bob");
      expect((await store.list({ limit: 100 }, now)).records).toHaveLength(15);
    });

    it("counts two bytes for each character of a text beyond Latin-1", async () => {
      const store = memoryStore({ maxBytes: 16 * MEBIBYTE });
      for (let index = 0; index < 12; index += 1) {
        const body = "❄".repeat(MEBIBYTE);
        await store.create(session(`u${index}`, "ada", body), 0, now);
      }
      expect((await store.list({ limit: 100 }, now)).records).toHaveLength(7);
    });
  });

  describe("list", () => {
    it("goes on where it was when slots are used again between pages", async () => {
      const store = memoryStore();
      const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
      for (const name of names) await store.create(session(name, "ada", name), 0, now);
      for (const userId of ["ada", undefined]) {
        const listed: string[] = [];
        let cursor: string | undefined;
        for (let page = 0; ; page += 1) {
          const found = await store.list({ userId, cursor, limit: 7 }, now);
          listed.push(...found.records.map(({ body }) => body));
          cursor = found.cursor;
          if (cursor === undefined) break;
          // What was listed goes, and another user's session takes its slot.
          const last = found.records.at(-1) as { id: string; revision: number };
          const over = { body: "", lastSeenAt: now, expiresAt: now, close: true };
          await store.update(last.id, last.revision, over, now - 1);
          await store.sweep(1, now);
          await store.create(session(`eve ${userId} ${page}`, "eve", "eve"), 0, now);
        }
        const ofAda = listed.filter((body) => body !== "eve");
        expect(new Set(ofAda).size).toBe(ofAda.length);
        expect(ofAda).toHaveLength(userId === "ada" ? 30 : 26);
      }
    });

    it("goes on behind a session that is gone, whoever has its slot now", async () => {
      const store = memoryStore();
      for (const name of ["a", "b", "c", "d"]) await store.create(session(name, "ada"), 0, now);
      const first = await store.list({ userId: "ada", limit: 2 }, now);
      const over = { body: "", lastSeenAt: now, expiresAt: now, close: true };
      await store.update(id("b"), 1, over, now - 1);
      await store.sweep(1, now);
      await store.create(session("e", "ada"), 0, now);
      const second = await store.list({ userId: "ada", cursor: first.cursor, limit: 9 }, now);
      const listed = second.records.map((record) => record.id);
      expect(listed).toEqual([id("c"), id("d"), id("e")]);
    });

    it("looks at a bounded number of sessions for one page, and goes on with the next", async () => {
      const store = memoryStore();
      for (let index = 0; index < 45_000; index += 1) {
        await store.create({ ...session(`x${index}`, "ada"), expiresAt: now + 1 }, 0, now);
      }
      await store.create(session("live", "ada"), 0, now);
      for (const userId of ["ada", undefined]) {
        const first = await store.list({ userId, limit: 10 }, now + 1);
        expect(first.records).toEqual([]);
        const second = await store.list({ userId, cursor: first.cursor, limit: 10 }, now + 1);
        const third = await store.list({ userId, cursor: second.cursor, limit: 10 }, now + 1);
        expect(third.records.map(({ id: found }) => found)).toEqual([id("live")]);
        expect(third.cursor).toBeUndefined();
      }
    });
  });

  it("sweeps in order of time, whatever was touched and shortened", async () => {
    const store = memoryStore();
    for (let index = 0; index < 50; index += 1) {
      await store.create({ ...session(`s${index}`), expiresAt: now + 100 + index }, 0, now);
    }
    await store.touch(id("s0"), now, now + 1000, now);
    const next = { body: "", lastSeenAt: now, expiresAt: now + 10 };
    await store.update(id("s49"), 1, next, now);
    expect(await store.sweep(10, now + 9)).toBe(0);
    expect(await store.sweep(10, now + 10)).toBe(1);
    expect(await store.load(id("s49"))).toBeUndefined();
    expect(await store.sweep(100, now + 149)).toBe(48);
    expect(await store.load(id("s0"))).toBeDefined();
    expect(await store.sweep(100, now + 1000)).toBe(1);
  });

  it("does what it is asked also when a listener throws", async () => {
    const store = memoryStore();
    store.watch?.(() => {
      throw new Error("a listener's own trouble");
    });
    expect(await store.create(session("a"), 0, now)).toBe("created");
  });

  it("goes on with the feed from any cursor while old entries are cleaned away", async () => {
    let clock = now;
    const store = memoryStore({ clock: () => clock });
    const cursors: string[] = [];
    for (let index = 0; index < 500; index += 1) {
      clock += 1;
      await store.add({ kind: "user", id: `${index}`, at: clock, until: clock + 100 });
      cursors.push((await store.since(undefined)).cursor);
    }
    for (const [index, cursor] of cursors.entries()) {
      const { revocations } = await store.since(cursor);
      const from = Math.max(index + 1, 400);
      expect(revocations.map(({ id: user }) => Number(user))).toEqual(
        Array.from({ length: 500 - from }, (_, offset) => from + offset),
      );
    }
  });

  it("P14 keeps few entries of who signs out everywhere again and again, and of each the latest that counts", async () => {
    const store = memoryStore({ clock: () => now });
    const [phone, desk] = [id("phone"), id("desk")];
    const until = now + HOUR;
    await store.add({ kind: "user", id: "ada", at: now, until });
    for (let time = 0; time < 10_000; time += 1) {
      const except = time === 500 ? phone : time === 501 ? undefined : desk;
      await store.add({ kind: "user", id: "eve", at: now + time, until, except });
    }
    const { revocations } = await store.since(undefined);
    expect(revocations.length).toBeLessThan(200);
    const latest = (except: string | undefined) =>
      revocations.filter((each) => each.id === "eve" && each.except === except).at(-1)?.at;
    expect([latest(desk), latest(phone), latest(undefined)]).toEqual([
      now + 9999,
      now + 500,
      now + 501,
    ]);
    expect(revocations.some((each) => each.id === "ada")).toBe(true);
  });

  it("gives everything for a cursor that it never gave", async () => {
    const store = memoryStore();
    await store.add({ kind: "everyone", at: now, until: now + 100 * HOUR * 24 * 365 });
    for (const cursor of ["99", "", "x", "-1"]) {
      expect((await store.since(cursor)).revocations, cursor).toHaveLength(1);
    }
  });
});

function id(name: string): string {
  return Buffer.from(name.padEnd(18, ".").slice(0, 18)).toString("base64url");
}

function session(name: string, userId?: string, body = ""): NewRecord {
  return { id: id(name), userId, lastSeenAt: now, expiresAt: now + HOUR, closed: false, body };
}

function large(name: string): string {
  return name.padEnd(MEBIBYTE, "x");
}

/** Adds sessions of a mebibyte each. */
async function addAll(
  store: SessionStore,
  names: readonly string[],
  userId?: string,
  at: number = now,
): Promise<void> {
  for (const name of names) {
    expect(await store.create(session(name, userId, large(name)), 0, at)).toBe("created");
  }
}

/** The names of the sessions that were dropped meanwhile. */
async function watched(store: SessionStore, work: () => Promise<void>): Promise<string[]> {
  const told: StoreChange[] = [];
  const end = store.watch?.((change) => told.push(change));
  await work();
  end?.();
  const gone: string[] = [];
  for (const { id: changed = "" } of told) {
    if ((await store.load(changed)) !== undefined) continue;
    gone.push(Buffer.from(changed, "base64url").toString().replace(/\.+$/, ""));
  }
  return gone;
}
