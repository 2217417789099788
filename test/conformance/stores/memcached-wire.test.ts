import { MemcacheClient } from "memcache-client";
import { afterAll } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { storeOfCells } from "../../../src/stores/key-value.ts";
import { memcachedCells } from "../../../src/stores/memcached-cells.ts";
import { memcachedCommands } from "../../../src/stores/memcached-clients.ts";
import type { Wire } from "../../../src/testing/explorer.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { describeWith, required } from "../../support/needs.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";

// What is between the commands of one verb: every fault at each of them, and races of pairs in every
// order of commands. The directory is one piece that is never empty: an order of commands has to lead
// to the same commands each time.

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
  await runStoreSuite(
    "memcached, command by command,",
    async () => {
      opened += 1;
      const prefix = `w${opened}:`;
      const store = storeOn(client, prefix);
      await store.create(RESIDENT, 0, Date.now());
      return {
        store,
        another: async () => storeOn(client, prefix),
        wired: async (wire) => storeOn(onWire(client, wire), prefix),
      };
    },
    {
      budget: 1000,
      only(test) {
        const isPair = test.startsWith("P4 P5 race") && test.split("×").length === 2;
        const isFault = test.startsWith("P5 trouble") || test.startsWith("P5 load: the cut-off");
        return isFault || (isPair && !isTooLong(test));
      },
    },
  );
}
