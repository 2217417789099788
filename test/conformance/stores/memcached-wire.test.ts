import { MemcacheClient } from "memcache-client";
import { afterAll, describe, expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { storeOfCells } from "../../../src/stores/key-value.ts";
import { memcachedCells } from "../../../src/stores/memcached-cells.ts";
import { memcachedCommands } from "../../../src/stores/memcached-clients.ts";
import type { Wire } from "../../../src/testing/explorer.ts";
import { explore } from "../../../src/testing/explorer.ts";
import type { StoreFixture } from "../../../src/testing/store-fixture.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { describeWith, required } from "../../support/needs.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";

// What is between the commands of one verb: every fault at each of them, and races of pairs in every
// order of commands; what a verb sends at once goes in its order, and then in the opposite one. The directory is one piece that is never empty: an order of commands has to lead
// to the same commands each time.

const HOUR = 3_600_000;

/** A client whose every command passes the wire. */
function onWire(client: MemcacheClient, wire: Wire) {
  return {
    xsend: () => undefined,
    gets: (keys: string[]) => wire("gets", () => client.gets(keys)),
    add: (key: string, value: string, options: { lifetime: number }) =>
      wire("add", () => client.add(key, value, options)),
    append: (key: string, value: string) => wire("append", () => client.append(key, value)),
    cas: (key: string, value: string, options: { lifetime: number; casUniq: string }) =>
      wire("cas", () => client.cas(key, value, options)),
  };
}

/** What is sent at once arrives in the opposite order, as it may over several connections. */
function outOfTurn(wire: Wire): Wire {
  let waiting: (() => void)[] = [];
  return (command, send) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) {
        queueMicrotask(() => {
          const all = waiting.reverse();
          waiting = [];
          for (const arrive of all) arrive();
        });
      }
      waiting.push(() => wire(command, send).then(resolve, reject));
    });
}

function storeOn(client: Parameters<typeof memcachedCommands>[0], prefix: string): SessionStore {
  return storeOfCells({
    name: "memcached",
    traits: {
      maxBodyBytes: 500_000,
      ownClock: false,
      conditionalWrites: true,
      forgets: ["restart", "eviction"],
      shared: true,
    },
    cells: memcachedCells(memcachedCommands(client)),
    prefix,
    readsTogether: true,
    buckets: 1,
  });
}

/** A visitor's session that nobody touches and no sweep takes. */
const RESIDENT = {
  id: "resident0000000000000000",
  userId: undefined,
  lastSeenAt: 0,
  expiresAt: Date.UTC(3000, 0),
  closed: false,
  body: "",
};

// Both take many commands, and so there are too many orders: between verbs they are all tried.
const LONG = ["sign-in", "sweep"];
const MIDDLE = ["list", "create", "close", "revoke others", "update", "rotate", "cut-off"];
function isTooLong(name: string): boolean {
  const actors = name
    .replace("P4 P5 race: ", "")
    .split(/ × |, /)
    .slice(0, 2);
  const long = actors.filter((actor) => LONG.includes(actor)).length;
  const middle = actors.filter((actor) => MIDDLE.includes(actor)).length;
  if (name.includes("sweep")) return long + middle > 1;
  return long > 1 || (long === 1 && actors.some((actor) => MIDDLE.slice(0, 4).includes(actor)));
}

let opened = 0;

if (memcachedProgram === undefined) {
  describeWith({ memcached: memcachedProgram }, "memcached store, command by command", () => {
    required("memcached", memcachedProgram);
  });
} else {
  const server = await memcachedServer();
  const client = new MemcacheClient({
    server: { server: server.address, maxConnections: 4 },
    noDelay: true,
  });
  afterAll(async () => {
    client.shutdown();
    await server.kill();
  });
  const open = async (order: (wire: Wire) => Wire): Promise<StoreFixture> => {
    opened += 1;
    const prefix = `w${opened}:`;
    const store = storeOn(client, prefix);
    await store.create(RESIDENT, 0, Date.now());
    return {
      store,
      another: async () => storeOn(client, prefix),
      wired: async (wire) => storeOn(onWire(client, order(wire)), prefix),
    };
  };
  const isAsked = (test: string): boolean => {
    const isPair = test.startsWith("P4 P5 race") && test.split("×").length === 2;
    const isFault = test.startsWith("P5 trouble") || test.startsWith("P5 load: the cut-off");
    return isFault || (isPair && !isTooLong(test));
  };
  await runStoreSuite("memcached, command by command,", () => open((wire) => wire), {
    budget: 1000,
    timeout: 120_000,
    only: isAsked,
  });
  // Only these send several commands at once.
  await runStoreSuite("memcached, command by command and out of turn,", () => open(outOfTurn), {
    budget: 1000,
    timeout: 120_000,
    only: (test) => isAsked(test) && /create|sign-in/.test(test),
  });

  // The suite has this race verb by verb: here are only the commands that matter.
  describe("memcached, command by command, store", () => {
    it.each([
      ["in turn", (wire: Wire): Wire => wire],
      ["out of turn", outOfTurn],
    ] as const)(
      "P5 a sweep takes nothing of a session that is being created, in every order, %s",
      async (_, order) => {
        const { schedules } = await explore(async () => {
          const { store, wired } = await open(order);
          const now = Date.now();
          const times = { lastSeenAt: now, expiresAt: now + HOUR, closed: false, body: "" };
          const id = "a".repeat(24);
          return {
            actors: [
              {
                name: "create",
                async run(wire) {
                  const record = { id, userId: "ada", ...times };
                  expect(await (await wired?.(wire))?.create(record, 0, now)).toBe("created");
                },
              },
              {
                name: "sweep",
                async run(wire) {
                  await (await wired?.(wire))?.sweep(100, now);
                },
              },
            ],
            async check() {
              expect((await store.load(id))?.record.mark).toBe(now);
              const { records } = await store.list({ limit: 10 }, now);
              expect(records.map((record) => record.id)).toEqual([id, RESIDENT.id]);
              // And it is found when its time is over, and the user with it.
              expect(await store.sweep(100, now + 2 * HOUR)).toBe(1);
              expect(await store.load(id)).toBeUndefined();
            },
          };
        });
        expect(schedules).toBeGreaterThan(20);
      },
      120_000,
    );
  });
}
