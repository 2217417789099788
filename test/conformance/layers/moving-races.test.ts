import { afterAll, describe, expect, it } from "vitest";
import type { Loaded, SessionStore } from "../../../src/stores/contract.ts";
import { moving } from "../../../src/stores/layers/moving.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Actor, Wire } from "../../../src/testing/explorer.ts";
import { explore } from "../../../src/testing/explorer.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";

const ID = "a".repeat(24);
const NOW = 1_700_000_000_000;
const END = NOW + 3_600_000;
const clock = () => NOW;

/** Two stores, and the ways to look at them: processes that move, and some that only know how to. */
function world() {
  const from = memoryStore({ clock });
  const to = memoryStore({ clock });
  const seen = { updates: [] as string[], closed: false, cutOff: 0 };
  const handle = (move: boolean, wire?: Wire): SessionStore => {
    const passing = <Store extends SessionStore>(store: Store, name: string): Store =>
      wire === undefined
        ? store
        : aroundVerbs(
            store,
            ({ verb }, invoke) => wire(`${name}.${verb}`, invoke) as Promise<unknown>,
          );
    return moving({ from: passing(from, "from"), to: passing(to, "to"), move, clock });
  };
  return { from, to, seen, handle };
}

type World = ReturnType<typeof world>;

/** Reads and writes until it lands, as the core does. */
async function change(store: SessionStore, name: string, { seen }: World): Promise<void> {
  for (;;) {
    const loaded = await store.load(ID);
    if (!isLive(loaded)) return;
    const { revision, lastSeenAt, expiresAt, body } = loaded.record;
    const next = { body: `${body}${name};`, lastSeenAt, expiresAt };
    if (await store.update(ID, revision, next, NOW)) {
      seen.updates.push(name);
      return;
    }
  }
}

async function close(store: SessionStore, { seen }: World): Promise<void> {
  for (;;) {
    const loaded = await store.load(ID);
    if (!isLive(loaded)) break;
    const next = { body: "", lastSeenAt: NOW, expiresAt: END, close: true };
    if (await store.update(ID, loaded.record.revision, next, NOW)) break;
  }
  seen.closed = true;
}

function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function isLive(loaded: Loaded | undefined): loaded is Loaded {
  return loaded !== undefined && !loaded.record.closed && loaded.record.mark > loaded.cutOff;
}

const ACTORS: Readonly<Record<string, (world: World) => Actor["run"]>> = {
  move: (all) => async (wire) => void (await all.handle(true, wire).load(ID)),
  "move again": (all) => async (wire) => void (await all.handle(true, wire).load(ID)),
  "write, not moving": (all) => (wire) => change(all.handle(false, wire), "a", all),
  "write, moving": (all) => (wire) => change(all.handle(true, wire), "b", all),
  "close, not moving": (all) => (wire) => close(all.handle(false, wire), all),
  "close, moving": (all) => (wire) => close(all.handle(true, wire), all),
  "touch, not moving": (all) => async (wire) =>
    void (await all.handle(false, wire).touch(ID, NOW + 1, END + 1, NOW)),
  "cut off": (all) => async (wire) => {
    all.seen.cutOff = await all.handle(false, wire).cutOff("ada", { keepUntil: END }, NOW + 10);
  },
  "cut off others": (all) => async (wire) =>
    void (await all.handle(false, wire).cutOff("ada", { except: ID, keepUntil: END }, NOW + 10)),
};

const RACES: readonly (readonly string[])[] = [
  ...Object.keys(ACTORS)
    .filter((name) => name !== "move")
    .map((name) => ["move", name]),
  ["move", "touch, not moving", "cut off"],
  ["move", "cut off", "cut off others"],
];

describe("a session that moves from a store to another", () => {
  let schedules = 0;

  it.each(RACES.map((names) => ({ race: names.join(" × "), names })))(
    "P4 P5 $race: nothing is lost, nothing comes back",
    async ({ names }) => {
      const explored = await explore(async () => {
        const all = world();
        const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
        await all.from.create({ ...record, closed: false, body: "" }, 5, NOW);
        const actors = names.map((name) => ({
          name,
          run: (ACTORS[name] as (world: World) => Actor["run"])(all),
        }));
        return {
          actors,
          async check() {
            const { seen } = all;
            for (const look of [false, true, false]) {
              const loaded = await all.handle(look).load(ID);
              if (seen.closed || seen.cutOff > 0) expect(isLive(loaded)).toBe(false);
              else {
                expect(isLive(loaded)).toBe(true);
                expect(loaded?.record.body.split(";").slice(0, -1)).toEqual(seen.updates);
              }
            }
            // Long after, when what was closed is forgotten, a copy that was left behind is nothing either.
            if (!seen.closed) return;
            await all.from.sweep(10, END);
            for (const look of [true, false]) {
              expect(isLive(await all.handle(look).load(ID))).toBe(false);
            }
          },
        };
      });
      expect(explored.schedules).toBeGreaterThan(1);
      schedules += explored.schedules;
    },
  );

  afterAll(() => {
    process.stdout.write(`moving: ${schedules} schedules of ${RACES.length} races\n`);
  });
});

describe("a session that is being moved", () => {
  it("is moved all the same when whoever began was stopped after any of its commands", async () => {
    for (let stopped = 1; stopped <= 12; stopped += 1) {
      const all = world();
      const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
      await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
      let commands = 0;
      const dying: Wire = (_, send) => {
        commands += 1;
        return commands > stopped ? new Promise(() => undefined) : send();
      };
      const begun = all.handle(true, dying).load(ID);
      await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, 5))]);
      for (const move of [false, true, false]) {
        const loaded = await all.handle(move).load(ID);
        expect([loaded?.record.body, isLive(loaded)], `after ${stopped}`).toEqual(["data", true]);
      }
      expect((await all.to.load(ID))?.record.body.trim()).toBe("data");
      expect((await all.from.load(ID))?.record.closed).toBe(true);
    }
  });

  it.each([3, 5])("keeps a touch that comes after %i of its commands", async (before) => {
    const all = world();
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    let commands = 0;
    const touching: Wire = async (_, send) => {
      const answer = await send();
      commands += 1;
      if (commands !== before) return answer;
      expect(await all.handle(false).touch(ID, NOW + 1, END + 1, NOW)).toBe(true);
      return answer;
    };
    await all.handle(true, touching).load(ID);
    expect(commands).toBeGreaterThan(5);
    const { lastSeenAt, expiresAt } = (await all.to.load(ID))?.record ?? {};
    expect([lastSeenAt, expiresAt]).toEqual([NOW + 1, END + 1]);
  });

  it("is touched no more when it has ended, and a copy was left behind", async () => {
    const all = world();
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    const dying: Wire = async (name, send) => {
      if (name === "from.update") return await new Promise(() => undefined);
      return send();
    };
    void all.handle(true, dying).load(ID);
    await breath();
    expect((await all.to.load(ID))?.record.body).toContain("pending");
    await close(all.handle(false), all);
    expect(await all.handle(true).touch(ID, NOW + 1, END + 1, NOW)).toBe(false);
  });

  it.each(["touched", "written"])(
    "P10 is there all the same when a copy that was left behind is over, and it was %s since",
    async (how) => {
      const all = world();
      const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
      await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
      const dying: Wire = async (name, send) =>
        name === "from.update" ? await new Promise(() => undefined) : send();
      void all.handle(true, dying).load(ID);
      await breath();
      const later = { lastSeenAt: NOW + 1, expiresAt: END + 1000 };
      if (how === "touched") await all.handle(false).touch(ID, NOW + 1, END + 1000, NOW);
      else await all.handle(false).update(ID, 1, { body: "data", ...later }, NOW);
      const { to } = all;
      const slow: SessionStore = { ...to, load: (id) => breath().then(() => to.load(id)) };
      const store = moving({ from: all.from, to: slow, move: true, clock: () => END });
      expect((await store.load(ID))?.record).toMatchObject({ body: "data", closed: false });
      // Until the copy is gone it cannot move.
      expect((await all.from.load(ID))?.record.closed).toBe(false);
      await store.sweep(10, END);
      expect((await store.load(ID))?.record).toMatchObject({ body: "data", closed: false });
      expect((await all.from.load(ID))?.record.closed).toBe(true);
    },
  );

  it("keeps a touch that came between the copy and the end of whoever moved it", async () => {
    const all = world();
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    const dying: Wire = async (name, send) => {
      const answer = await send();
      if (name === "to.create") await all.handle(false).touch(ID, NOW + 1, END + 1000, NOW);
      return name === "from.update" ? await new Promise(() => undefined) : answer;
    };
    void all.handle(true, dying).load(ID);
    await breath();
    expect((await all.from.load(ID))?.record.closed).toBe(true);
    const store = moving({ from: all.from, to: all.to, clock: () => END });
    expect((await store.load(ID))?.record).toMatchObject({ body: "data", expiresAt: END + 1000 });
  });

  it("P5 ends with the next cut-off of a new store with a clock of its own, however far ours was ahead", async () => {
    const from = memoryStore({ clock });
    const memory = memoryStore({ clock });
    const traits = { ...memory.traits, ownClock: true };
    const its = { now: NOW };
    const to: SessionStore = {
      ...memory,
      traits,
      create: (given, startedAgo) => memory.create(given, startedAgo, its.now),
      cutOff: (userId, options) => memory.cutOff(userId, options, its.now),
    };
    const without = { ...from, add: undefined, since: undefined } as unknown as SessionStore;
    const bare = { ...to, add: undefined, since: undefined } as unknown as SessionStore;
    const store = moving({ from: without, to: bare, move: true, clock });
    const record = { id: ID, userId: "ada", lastSeenAt: NOW, expiresAt: END };
    await from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    // By a process whose clock is five seconds ahead.
    await store.cutOff("ada", { except: ID, keepUntil: END }, NOW + 5000);
    expect(isLive(await store.load(ID))).toBe(true);
    its.now += 1000;
    await store.cutOff("ada", { keepUntil: END }, NOW + 1000);
    expect(isLive(await store.load(ID))).toBe(false);
  });

  it("is the session of the new store alone, once that is used without the layer", async () => {
    const all = world();
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await all.from.create({ ...record, closed: false, body: '{"v":1}' }, 5, NOW);
    const moved = await all.handle(true).load(ID);
    expect(moved?.record).toMatchObject({ userId: "ada", mark: NOW - 5, body: '{"v":1}' });
    expect(JSON.parse((await all.to.load(ID))?.record.body as string)).toEqual({ v: 1 });
  });
});

describe("a session that has moved, when the two stores are turned around", () => {
  it.each([false, true])(
    "is live, and is written, touched and ended where it is (moving: %s)",
    async (move) => {
      const { from, to, handle } = world();
      const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
      await from.create({ ...record, closed: false, body: '{"v":1}' }, 5, NOW);
      await handle(true).load(ID);
      const back = moving({ from: to, to: from, move, clock });
      const loaded = await back.load(ID);
      expect([isLive(loaded), JSON.parse(loaded?.record.body ?? "")]).toEqual([true, { v: 1 }]);
      const revision = loaded?.record.revision ?? 0;
      const next = { lastSeenAt: NOW, expiresAt: END };
      expect(await back.update(ID, revision, { ...next, body: '{"v":2}' }, NOW)).toBe(true);
      expect(await back.touch(ID, NOW + 1, END + 1, NOW)).toBe(true);
      expect((await back.load(ID))?.record).toMatchObject({ body: '{"v":2}', expiresAt: END + 1 });
      const end = { ...next, body: "", close: true };
      expect(await back.update(ID, revision + 1, end, NOW)).toBe(true);
      expect(isLive(await back.load(ID))).toBe(false);
      expect(await back.touch(ID, NOW + 1, END + 1, NOW)).toBe(false);
    },
  );

  it("is live also when whoever moved it was stopped before the last step", async () => {
    const { from, to, handle } = world();
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    const dying: Wire = (name, send) =>
      name === "to.update" ? new Promise(() => undefined) : send();
    void handle(true, dying).load(ID);
    await breath();
    const loaded = await moving({ from: to, to: from, clock }).load(ID);
    expect([isLive(loaded), loaded?.record.body.trim()]).toEqual([true, "data"]);
  });
});

describe("a copy that was left behind", () => {
  it.each([false, true])(
    "P5 is nothing when its session has ended and the two stores are turned around (moving: %s)",
    async (move) => {
      const all = world();
      const { from, to } = all;
      const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
      await from.create({ ...record, closed: false, body: "data" }, 5, NOW);
      const dying: Wire = async (name, send) =>
        name === "from.update" ? await new Promise(() => undefined) : send();
      void all.handle(true, dying).load(ID);
      await breath();
      const end = { body: "", lastSeenAt: NOW, expiresAt: NOW + 60_000, close: true };
      expect(await all.handle(false).update(ID, 1, end, NOW)).toBe(true);
      await from.sweep(10, NOW + 60_000);
      const back = moving({ from: to, to: from, move, clock });
      expect(await back.load(ID)).toBeUndefined();
      expect(await back.list({ limit: 10 }, NOW)).toMatchObject({ records: [] });
      expect(await from.load(ID)).toBeUndefined();
    },
  );
});

describe("a session whose id was not made for the new store", () => {
  it("stays in the old one, and the next sign-in's is made for the new one", async () => {
    const all = world();
    const home = async () => "bbbbbbbb";
    const store = moving({ from: all.from, to: { ...all.to, home }, move: true, clock });
    const record = { id: ID, userId: "ada", lastSeenAt: NOW - 1, expiresAt: END };
    await all.from.create({ ...record, closed: false, body: "data" }, 5, NOW);
    expect(isLive(await store.load(ID))).toBe(true);
    expect(await all.to.load(ID)).toBeUndefined();
    expect(await store.home?.("ada")).toBe("bbbbbbbb");
    await store.create({ ...record, id: "b".repeat(24), closed: false, body: "" }, 5, NOW);
    expect((await all.to.load("b".repeat(24)))?.record.userId).toBe("ada");
  });
});
