import { describe, expect, it } from "vitest";
import type { SessionStore, StoreChange } from "../../../../src/stores/contract.ts";
import { cached } from "../../../../src/stores/layers/cached.ts";
import { encrypted } from "../../../../src/stores/layers/encrypted.ts";
import { moving } from "../../../../src/stores/layers/moving.ts";
import { readOnly } from "../../../../src/stores/layers/read-only.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import { memoryApp, SECRET } from "../../../support/ways.ts";

const ID = "a".repeat(24);
const now = Date.now();
const times = { lastSeenAt: now, expiresAt: now + 3_600_000 };

describe("two stores as one", () => {
  it("P5 a cache in one of them is refused: what it remembers would move after it has ended", () => {
    const from = memoryStore();
    const to = cached(memoryStore());
    const problem = /`to` is a cache: put the cache around, as in cached\(moving\(…\)\)/;
    expect(() => moving({ from, to })).toThrow(problem);
    expect(() => moving({ from: encrypted(to, { secrets: [SECRET] }), to: from })).toThrow(
      /`from`/,
    );
    expect(cached(moving({ from, to: memoryStore() })).traits.maxStaleness).toBe(10_000);
  });

  it("what is no store is refused by name", () => {
    expect(() => moving({ from: memoryStore(), to: memoryStore as never })).toThrow(/`to`/);
    expect(() => moving({ from: {} as never, to: memoryStore() })).toThrow(/`from`/);
  });

  it("P5 nobody takes it that all is told while one of them tells nothing", () => {
    const [from, tellFrom] = told();
    const [to, tellTo] = told();
    const heard: string[] = [];
    const end = moving({ from, to }).watch?.(({ kind }) => heard.push(kind));
    tellFrom("lost");
    tellTo("lost");
    tellTo("everything");
    expect(heard.at(-1)).toBe("lost");
    tellTo("session");
    tellFrom("everything");
    expect(heard.at(-1)).toBe("everything");
    end?.();
    tellTo("lost");
    expect(heard.at(-1)).toBe("everything");
  });

  it.each([false, true])(
    "where both keep a user's sessions together, ids are made for the one that takes them: move is %s",
    async (move) => {
      const [from, to] = [homed("f"), homed("t")];
      const store = moving({ from, to, move });
      const id = `${await store.home?.("ada")}${"0".repeat(16)}`;
      const record = { id, userId: "ada", ...times, closed: false, body: "" };
      expect(await store.create(record, 0, now)).toBe("created");
      expect((await store.load(id))?.record.userId).toBe("ada");
      expect((await (move ? to : from).load(id))?.record.userId).toBe("ada");
    },
  );

  it("tells the rest to a listener that throws", () => {
    const [[from, tellFrom], [to, tellTo]] = [told(), told()];
    const heard: string[] = [];
    moving({ from, to }).watch?.(({ kind }) => {
      heard.push(kind);
      throw new Error("the listener's own trouble");
    });
    tellFrom("lost");
    tellTo("everything");
    expect(heard).toEqual(["lost", "everything", "lost"]);
  });

  it.each([
    [false, true],
    [true, false],
    [true, true],
  ])(
    "P5 what says that something has ended is made once, by whichever process (%s, %s)",
    async (first, second) => {
      const [from, to] = [memoryStore(), memoryStore()];
      const marker = (body: string) => ({
        id: ID,
        userId: undefined,
        ...times,
        closed: true,
        body,
      });
      const outcomes = await Promise.all([
        moving({ from, to, move: first }).create(marker("first"), 0, now),
        moving({ from, to, move: second }).create(marker("second"), 0, now),
      ]);
      expect(outcomes).toEqual(["created", "taken"]);
      for (const move of [false, true]) {
        expect((await moving({ from, to, move }).load(ID))?.record.body).toBe("first");
      }
    },
  );

  it.each(["from", "to", "both"] as const)(
    "P10 in maintenance a session is read where it is, and moves when that is over: %s",
    async (locked) => {
      let maintenance = true;
      const [old, fresh] = [memoryStore(), homed("a")];
      const lock = (store: SessionStore, name: "from" | "to") =>
        locked === "both" || locked === name ? readOnly(store, { when: () => maintenance }) : store;
      const [from, to] = [lock(old, "from"), lock(fresh, "to")];
      await old.create({ id: ID, userId: "ada", ...times, closed: false, body: "data" }, 0, now);
      const store = moving({ from, to, move: true });
      expect((await store.load(ID))?.record).toMatchObject({ body: "data", closed: false });
      expect((await old.load(ID))?.record.closed).toBe(false);
      maintenance = false;
      expect((await store.load(ID))?.record.body).toBe("data");
      expect((await old.load(ID))?.record.closed).toBe(true);
    },
  );

  it("P10 a session that is longer than the new store takes stays where it is", async () => {
    const [from, memory] = [memoryStore(), memoryStore()];
    const maxBodyBytes = 1000;
    const to: typeof memory = {
      ...memory,
      traits: { ...memory.traits, maxBodyBytes },
      async create(record, startedAgo, at) {
        if (Buffer.byteLength(record.body) > maxBodyBytes) throw new Error("too large");
        return memory.create(record, startedAgo, at);
      },
    };
    const store = moving({ from, to, move: true });
    const record = { id: ID, userId: "ada", ...times, closed: false };
    const long = "ä".repeat(490);
    await from.create({ ...record, body: long }, 0, now);
    expect((await store.load(ID))?.record.body).toBe(long);
    const shorter = "ä".repeat(480);
    expect(await store.update(ID, 1, { ...times, body: shorter }, now)).toBe(true);
    expect((await store.load(ID))?.record.body).toBe(shorter);
    expect((await from.load(ID))?.record.closed).toBe(true);
  });

  it.each([
    [false, "from"],
    [false, "to"],
    [true, "from"],
    [true, "to"],
  ] as const)(
    "P5 an id is taken in either store, also by what has ended: moving is %s, it lies in `%s`",
    async (move, place) => {
      const stores = { from: memoryStore(), to: memoryStore() };
      const record = { id: ID, userId: undefined, ...times, closed: false, body: "late" };
      await stores[place].create({ ...record, closed: true, body: "ended" }, 0, now);
      const store = moving({ ...stores, move });
      expect(await store.create(record, 0, now)).toBe("taken");
      expect((await store.load(ID))?.record).toMatchObject({ closed: true, body: "ended" });
    },
  );

  it("P4 what has moved is written by whoever uses the new store alone, or both turned around", async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const ada = memoryApp({ store: from }).browser();
    await ada.signIn("ada");
    await ada.set("n", 1);
    for (const [n, store] of [
      moving({ from, to, move: true }),
      to,
      moving({ from, to }),
      moving({ from: to, to: from }),
      to,
    ].entries()) {
      const browser = memoryApp({ store: store as typeof to }).browser();
      browser.plant(ada.cookie());
      expect((await browser.read()).get("n")).toBe(n + 1);
      await browser.set("n", n + 2);
    }
  });

  it.each([
    ["inside", (store: SessionStore) => secret(store), (store: SessionStore) => store],
    ["around", (store: SessionStore) => store, (store: SessionStore) => secret(store)],
  ])(
    "with encryption %s, what has moved is read by the new store alone",
    async (_, inside, around) => {
      const [old, fresh] = [memoryStore(), memoryStore()];
      const record = { id: ID, userId: "ada", ...times, closed: false, body: '{"v":1}' };
      await secret(old).create(record, 0, now);
      const both = around(moving({ from: inside(old), to: inside(fresh), move: true }));
      expect((await both.load(ID))?.record.body).toBe(record.body);
      expect((await old.load(ID))?.record.closed).toBe(true);
      expect(JSON.parse((await secret(fresh).load(ID))?.record.body as string)).toEqual({ v: 1 });
    },
  );
});

function secret(store: SessionStore): SessionStore {
  return encrypted(store, { secrets: [SECRET] });
}

/** A store, and what it tells those who watch it. */
function told(): [SessionStore, (kind: StoreChange["kind"]) => void] {
  const listeners = new Set<(change: StoreChange) => void>();
  const watch: SessionStore["watch"] = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return [
    { ...memoryStore(), watch },
    (kind) => {
      for (const listener of listeners) listener({ kind });
    },
  ];
}

/** A memory store that refuses the id of a user's session that was made for another place. */
function homed(letter: string): ReturnType<typeof memoryStore> {
  const store = memoryStore();
  const place = letter.repeat(8);
  return {
    ...store,
    home: async () => place,
    async create(record, startedAgo, at) {
      if (record.userId !== undefined && !record.id.startsWith(place))
        throw new TypeError("elsewhere");
      return store.create(record, startedAgo, at);
    },
  };
}
