import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { MemcacheClient } from "memcache-client";
import pg from "pg";
import { afterEach, expect, it, vi } from "vitest";
import { createSessions } from "../../src/index.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { createBrowser } from "../support/jar.ts";
import { describeWith } from "../support/needs.ts";
import type { ServerKind } from "../support/store-servers.ts";
import { MEMCACHED, POSTGRES, REDIS } from "../support/store-servers.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { SECRET } from "../support/ways.ts";

vi.setConfig({ testTimeout: 120_000 });

type Opened = readonly [store: SessionStore, end: () => unknown];

/** Each client with what its page says it needs, so that it gives up a connection that is dead. */
const CLIENTS: readonly [ServerKind, string, (url: string) => Promise<Opened>][] = [
  [
    POSTGRES,
    "pg",
    async (connectionString) => {
      const client = new pg.Pool({ connectionString, query_timeout: 1000 });
      client.on("error", () => undefined);
      return [postgresStore({ client }), () => client.end()];
    },
  ],
  [
    REDIS,
    "ioredis",
    async (url) => {
      const client = new Redis(url, { socketTimeout: 1000 });
      client.on("error", () => undefined);
      return [redisStore({ client }), () => client.disconnect()];
    },
  ],
  [
    REDIS,
    "iovalkey",
    async (url) => {
      const client = new Valkey(url, { socketTimeout: 1000 });
      client.on("error", () => undefined);
      return [redisStore({ client }), () => client.disconnect()];
    },
  ],
  [
    MEMCACHED,
    "memcache-client",
    async (address) => {
      const server = address.slice("memcached:".length);
      const client = new MemcacheClient({ server, noDelay: true });
      return [memcachedStore({ client }), () => client.shutdown()];
    },
  ],
];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

for (const [kind, clientName, connect] of CLIENTS) {
  describeWith(
    kind.programs,
    `${kind.name} behind connections that are dead without saying so`,
    () => {
      it(`P10 is an outage with ${clientName}, signs nobody out, and is over by itself`, async () => {
        const server = await kind.open();
        ends.push(() => server.dispose());
        const port = Number(/:(\d+)(\/|$)/.exec(server.address)?.[1]);
        const proxy = await startTcpProxy(port);
        ends.push(() => proxy.close());
        const [store, end] = await connect(server.address.replace(`:${port}`, `:${proxy.port}`));
        ends.push(end);
        const sessions = createSessions<Record<string, unknown>>({
          secrets: [SECRET],
          store,
          storeDeadline: 1,
        });
        const ada = createBrowser(sessions);
        await ada.signIn("ada");
        const seen = new Set<string | undefined>();
        /** Several at once, so that every connection of a pool has its turn. */
        const isServed = async (): Promise<boolean> => {
          const reads = Array.from({ length: 5 }, () => ada.copy().read());
          const answers = (await Promise.allSettled(reads)).map((read) =>
            read.status === "fulfilled" ? read.value.userId : read.reason.code,
          );
          for (const answer of answers) seen.add(answer);
          return answers.every((answer) => answer === "ada");
        };
        expect(await isServed()).toBe(true);
        const fault = await inject("connections half-open", async () => {
          proxy.silence();
          await until("everybody is served again", isServed);
        });
        expect([...seen].sort()).toEqual(["ERR_STORE_UNAVAILABLE", "ada"]);
        const checked = "every answer is 503 or to whom it belongs";
        reportFaults({ on: `${kind.name}, ${clientName}`, faults: [fault], checked });
      });
    },
  );
}
