import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import type { Disk, DiskFile } from "../../../src/stores/file-disk.ts";
import { nodeDisk } from "../../../src/stores/file-disk.ts";
import { storeOn } from "../../../src/stores/file-store.ts";
import type { Actor, Wire } from "../../../src/testing/explorer.ts";
import { explore } from "../../../src/testing/explorer.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const now = Date.now();
// So long that the fourth line makes the file move.
const LONG = "x".repeat(13_000);

type Step = (store: SessionStore) => Promise<void>;

/** Every order in which processes can take their steps in one folder. */
describe("processes in the folder of a file store", { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder("file-races");
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Races steps, each in a process of its own, and looks at what is left. Returns the schedules. */
  async function race(
    begin: (store: SessionStore) => Promise<Record<string, Step>>,
    check: (store: SessionStore) => Promise<void>,
    held: readonly string[] = EVERYTHING,
  ): Promise<number> {
    let round = 0;
    const { schedules } = await explore(async () => {
      const path = `${folder}/${round++}`;
      const direct = storeOn(nodeDisk(path, false), () => now, true);
      const steps = await begin(direct);
      const opened: SessionStore[] = [direct];
      const actors = Object.entries(steps).map(
        ([name, step]): Actor => ({
          name,
          run(wire) {
            const store = storeOn(wiredDisk(nodeDisk(path, false), wire, held), () => now, true);
            opened.push(store);
            return step(store);
          },
        }),
      );
      return {
        actors,
        async check() {
          const fresh = storeOn(nodeDisk(path, false), () => now, true);
          await check(fresh);
          for (const store of [...opened, fresh]) await store.close();
          await rm(path, { recursive: true });
        },
      };
    });
    return schedules;
  }

  it("P4 of two updates of one revision one is kept, also while the file moves", async () => {
    for (const [lines, held] of [
      [0, EVERYTHING],
      [2, ["open", "append", "write", "rename"]],
    ] as const) {
      const answers: boolean[] = [];
      const schedules = await race(
        async (store) => {
          answers.length = 0;
          await add(store, { body: LONG });
          for (let line = 1; line <= lines; line += 1) await store.update(ID, line, next(), now);
          const step =
            (body: string): Step =>
            async (own) => {
              answers.push(await own.update(ID, lines + 1, next({ body: LONG + body }), now));
            };
          return { a: step("a"), b: step("b") };
        },
        async (store) => {
          expect(answers.filter(Boolean)).toHaveLength(1);
          expect((await store.load(ID))?.record.revision).toBe(lines + 2);
        },
        held,
      );
      expect(schedules).toBeGreaterThan(lines === 0 ? 50 : 6);
    }
  });

  it("P4 a touch, an update and a move lose nothing of each other", async () => {
    await race(
      async (store) => {
        await add(store, { body: LONG });
        for (let line = 1; line <= 2; line += 1) await store.update(ID, line, next(), now);
        return {
          update: async (own) => expect(await own.update(ID, 3, next(), now)).toBe(true),
          touch: async (own) => expect(await own.touch(ID, now + 7, now + DAY, now)).toBe(true),
        };
      },
      async (store) => {
        const record = (await store.load(ID))?.record;
        expect([record?.revision, record?.lastSeenAt]).toEqual([4, now + 7]);
        expect(await store.update(ID, 4, next({ body: "last" }), now)).toBe(true);
        expect((await store.load(ID))?.record.body).toBe("last");
      },
      ["open", "append", "write", "rename"],
    );
  });

  it("P5 a read during a move finds the session", async () => {
    await race(
      async (store) => {
        await add(store, { body: LONG });
        for (let line = 1; line <= 2; line += 1) await store.update(ID, line, next(), now);
        return {
          update: async (own) => expect(await own.update(ID, 3, next(), now)).toBe(true),
          read: async (own) => {
            expect((await own.load(ID))?.record.revision).toBeGreaterThanOrEqual(3);
          },
        };
      },
      async (store) => {
        expect((await store.load(ID))?.record.revision).toBe(4);
      },
    );
  });

  it("P5 nothing is written after a close", async () => {
    let touched: boolean;
    await race(
      async (store) => {
        await add(store);
        return {
          close: async (own) => {
            expect(await own.update(ID, 1, next({ body: "over", close: true }), now)).toBe(true);
            expect(await own.update(ID, 2, next(), now)).toBe(false);
          },
          touch: async (own) => {
            touched = await own.touch(ID, now + 7, now + DAY, now);
          },
        };
      },
      async (store) => {
        const record = (await store.load(ID))?.record;
        expect([record?.closed, record?.body]).toEqual([true, "over"]);
        expect((record?.lastSeenAt ?? 0) > now).toBe(touched);
        expect((await store.list({ userId: "ada", limit: 9 }, now)).records).toEqual([]);
      },
    );
  });

  it("P5 of a cut-off that excepts a session and one that does not, the session ends", async () => {
    await race(
      async (store) => {
        await add(store, {}, 1000);
        return {
          others: async (own) => {
            await own.cutOff("ada", { except: ID, keepUntil: now + DAY }, now);
          },
          all: async (own) => {
            await own.cutOff("ada", { keepUntil: now + DAY }, now);
          },
        };
      },
      async (store) => {
        const loaded = await store.load(ID);
        expect(loaded?.cutOff).toBe(now + 1);
        // In either order it ends: excepted first, the other takes it; ended first, it stays ended.
        expect(loaded?.record.mark).toBeLessThanOrEqual(loaded?.cutOff ?? 0);
      },
      ["open", "append", "create"],
    );
  });

  it("P5 a sign-in that began before a cut-off brings nobody in", async () => {
    await race(
      async () => ({
        create: (own) => add(own, {}, 1000),
        "cut off": async (own) => {
          await own.cutOff("ada", { keepUntil: now + DAY }, now);
        },
      }),
      async (store) => {
        const loaded = await store.load(ID);
        if (loaded !== undefined) expect(loaded.record.mark).toBeLessThanOrEqual(loaded.cutOff);
        expect((await store.list({ limit: 9 }, now)).records).toEqual([]);
      },
    );
  });

  it("P5 of two that create one id, one does, and the sweep finds it when its time is over", async () => {
    const answers: string[] = [];
    const create =
      (userId: string): Step =>
      async (own) => {
        answers.push(await own.create({ ...record, userId }, 0, now));
      };
    await race(
      async () => {
        answers.length = 0;
        return { ada: create("ada"), bob: create("bob") };
      },
      async (store) => {
        expect(answers.toSorted()).toEqual(["created", "taken"]);
        const owner = (await store.load(ID))?.record.userId ?? "";
        expect((await store.list({ userId: owner, limit: 9 }, now)).records).toHaveLength(1);
        expect(await store.sweep(9, now + HOUR)).toBe(1);
        expect(await store.load(ID)).toBeUndefined();
      },
      ["create", "mark"],
    );
  });

  it("P5 a sweep takes a session or a touch keeps it, and not both", async () => {
    let touched: boolean;
    let removed: number;
    await race(
      async (store) => {
        await add(store);
        return {
          touch: async (own) => {
            touched = await own.touch(ID, now + 7, now + DAY, now);
          },
          sweep: async (own) => {
            removed = await own.sweep(9, now + 2 * HOUR);
          },
        };
      },
      async (store) => {
        expect(removed).toBe(touched ? 0 : 1);
        expect((await store.load(ID)) !== undefined).toBe(touched);
        const listed = await store.list({ userId: "ada", limit: 9 }, now);
        expect(listed.records).toHaveLength(touched ? 1 : 0);
        expect(await store.sweep(9, now + DAY)).toBe(touched ? 1 : 0);
      },
      ["open", "append", "remove", "unmark"],
    );
  });

  it("P5 a session that is told to end sooner is swept then, whatever a sweep did meanwhile", async () => {
    await race(
      async (store) => {
        await add(store);
        // From here on its mark is too early, and a sweep moves it.
        await store.touch(ID, now, now + DAY, now);
        return {
          close: async (own) => {
            const closed = next({ close: true, expiresAt: now + HOUR });
            expect(await own.update(ID, 1, closed, now)).toBe(true);
          },
          sweep: async (own) => {
            await own.sweep(9, now + HOUR - 1);
          },
        };
      },
      async (store) => {
        expect(await store.sweep(9, now + HOUR)).toBe(1);
      },
      ["append", "mark", "unmark", "exists"],
    );
  });

  it("P5 two sweeps and a create of the same id remove one session once, and keep the new one", async () => {
    let answer: string;
    await race(
      async (store) => {
        await add(store);
        return {
          one: async (own) => {
            await own.sweep(9, now + HOUR);
          },
          two: async (own) => {
            await own.sweep(9, now + HOUR);
          },
          create: async (own) => {
            const again = { ...record, expiresAt: now + DAY, body: "again" };
            answer = await own.create(again, 0, now + HOUR);
          },
        };
      },
      async (store) => {
        const loaded = await store.load(ID);
        expect(loaded?.record.body).toBe(answer === "created" ? "again" : undefined);
        expect(await store.sweep(9, now + DAY)).toBe(answer === "created" ? 1 : 0);
      },
      ["append", "remove", "create", "exists"],
    );
  });

  it("P5 two sweeps of a session that ended early leave the mark of a new one of the same id", async () => {
    let answer: string;
    await race(
      async (store) => {
        const marked = { ...record, expiresAt: now + DAY };
        await store.create(marked, 0, now);
        await store.update(ID, 1, next({ body: "", close: true }), now);
        return {
          one: async (own) => {
            await own.sweep(9, now + HOUR);
          },
          two: async (own) => {
            await own.sweep(9, now + HOUR);
          },
          create: async (own) => {
            answer = await own.create(marked, 0, now + HOUR);
          },
        };
      },
      async (store) => {
        expect(await store.sweep(9, now + DAY)).toBe(answer === "created" ? 1 : 0);
      },
      ["append", "remove", "create", "exists", "unmark"],
    );
  });
});

const EVERYTHING = ["open", "read", "append", "create", "write", "rename", "remove", "mark"];
const ID = "A".repeat(24);
const record = {
  id: ID,
  userId: "ada",
  lastSeenAt: now,
  expiresAt: now + HOUR,
  closed: false,
  body: "",
};

async function add(store: SessionStore, given: { body?: string } = {}, ago = 0): Promise<void> {
  await store.create({ ...record, ...given }, ago, now);
}

function next(given: { body?: string; close?: boolean; expiresAt?: number } = {}) {
  return { body: LONG, lastSeenAt: now, expiresAt: now + HOUR, ...given };
}

/** A disk whose steps of these kinds wait for their turn. */
function wiredDisk(disk: Disk, wire: Wire, held: readonly string[]): Disk {
  function wired<Thing extends object>(thing: Thing): Thing {
    return new Proxy(thing, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (typeof key !== "string" || typeof method !== "function" || key === "close") {
          return method;
        }
        return async (...args: unknown[]) => {
          const call = async (): Promise<unknown> => await method.apply(target, args);
          const result = held.includes(key) ? await wire(key, call) : await call();
          return key === "open" && result !== undefined ? wired(result as DiskFile) : result;
        };
      },
    });
  }
  return wired(disk);
}
