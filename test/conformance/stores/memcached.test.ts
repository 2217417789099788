import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import { afterAll, describe, expect, it } from "vitest";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import type { StoreFixture } from "../../../src/testing/store-fixture.ts";
import type { MemcachedServer } from "../../support/memcached.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { describeWith, required } from "../../support/needs.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";

let opened = 0;

/** Each test has a prefix of its own on one server, and each handle a client of its own. */
function opener(servers: readonly MemcachedServer[], connect: Connect): () => StoreFixture {
  return () => {
    opened += 1;
    const prefix = `t${opened}:`;
    const ends: (() => void)[] = [];
    const open = (prefix: string) => {
      const { client, end } = connect(servers.map(({ address }) => address));
      ends.push(end);
      return memcachedStore({ client, prefix });
    };
    return {
      store: open(prefix),
      another: async () => open(prefix),
      elsewhere: async () => open(`elsewhere-${prefix}`),
      dispose() {
        for (const end of ends) end();
      },
    };
  };
}

type Connect = (addresses: string[]) => {
  readonly client: Parameters<typeof memcachedStore>[0]["client"];
  readonly end: () => void;
};

if (memcachedProgram === undefined) {
  describeWith({ memcached: memcachedProgram }, "memcached store", () => {
    required("memcached", memcachedProgram);
  });
} else {
  const server = await memcachedServer(256);
  afterAll(() => server.kill());

  const ofMemcacheClient = opener([server], ([address = ""]) => {
    const client = new MemcacheClient({
      server: { server: address, maxConnections: 2 },
      noDelay: true,
    });
    return { client, end: () => client.shutdown() };
  });
  await runStoreSuite("memcached, by memcache-client,", ofMemcacheClient);

  const connect: Connect = (addresses) => {
    const client = new Memcached(addresses);
    return { client, end: () => client.end() };
  };
  const second = await memcachedServer();
  afterAll(() => second.kill());
  for (const [name, servers] of [
    ["one server", [server]],
    ["two servers", [server, second]],
  ] as const) {
    await runStoreSuite(`memcached, by memcached on ${name},`, opener(servers, connect), {
      sequences: 10,
      // What says nothing about a client was run with the other: races, of which one verb runs at a
      // time, and the storm that asks a quarter of a million times.
      only: (test) => !/ (race:|storm: many compare-and-set) /.test(` ${test} `),
    });
  }
  describe("memcached, by memcached on two servers, store", () => {
    it("has used both", async () => {
      for (const { stats } of [server, second]) {
        expect((await stats())["cmd_set"]).toBeGreaterThan(100);
      }
    });
  });
}
