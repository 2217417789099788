import KeyvRedis from "@keyv/redis";
import { GlideClient } from "@valkey/valkey-glide";
import { RedisStore } from "connect-redis";
import { Cluster, Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import Keyv from "keyv";
import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import mysql from "mysql2/promise";
import postgresJs from "postgres";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { expressSessionStore } from "../../../src/stores/express-session.ts";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import * as mysqlEntry from "../../../src/stores/mysql.ts";
import * as postgresEntry from "../../../src/stores/postgres.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { FEED_SCRIPTS } from "../../../src/stores/redis-feed.ts";
import { VERB_SCRIPTS } from "../../../src/stores/redis-scripts.ts";
import { countTrips } from "../../support/count-trips.ts";
import { memcachedProgram, memcachedServer } from "../../support/memcached.ts";
import { mariadbd, startMysql } from "../../support/mysql-server.ts";
import { describeWith } from "../../support/needs.ts";
import { poolAt, postgres, startPostgres } from "../../support/postgres-server.ts";
import type { RedisServer } from "../../support/redis-servers.ts";
import { redisServer, startCluster, startRedis } from "../../support/redis-servers.ts";
import type { Trips } from "../../support/store-records.ts";
import { AT_ONCE, note } from "../../support/store-records.ts";
import type { TcpProxy } from "../../support/tcp-proxy.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

/** What a store has to keep to: a read 1, a write 2, a touch 1 more, a sign-in 2 beyond the load. */
const GOAL: Record<keyof Trips, unknown> = {
  read: 1,
  firstRead: 1,
  write: 2,
  touch: 2,
  signIn: 3,
  firstSignIn: 3,
  signOut: 2,
  // Sent without waiting: some clients hear the first answers before all is written.
  together: expect.toSatisfy((trips: number) => trips < AT_ONCE / 2),
};

interface Connected {
  open(): SessionStore;
  close(): unknown;
}

interface Client {
  /** Connects to a server through the proxy on this port, by one connection. */
  connect(port: number, proxied: ReadonlyMap<number, number>): Promise<Connected> | Connected;
  /** Where it differs from the goal. */
  readonly but?: Partial<Record<keyof Trips, unknown>>;
}

interface Server {
  readonly ports: readonly number[];
  stop(): Promise<unknown>;
}

/** Counts what each client sends to a server, and holds it to the goal. */
function counts(
  store: string,
  programs: Readonly<Record<string, string | undefined>>,
  start: () => Promise<Server>,
  clients: Readonly<Record<string, Client>>,
): void {
  describeWith(programs, `round trips of ${store}`, () => {
    let server: Server;
    const proxies = new Map<number, TcpProxy>();
    beforeAll(async () => {
      server = await start();
      for (const port of server.ports) proxies.set(port, await startTcpProxy(port));
    });
    afterAll(async () => {
      for (const proxy of proxies.values()) await proxy.close();
      await server?.stop();
    });

    it.each(Object.entries(clients))("P2 %s", async (client, { connect, but = {} }) => {
      const all = [...proxies.values()];
      const roundTrips = () => all.reduce((sum, { roundTrips }) => sum + roundTrips, 0);
      const ports = new Map([...proxies].map(([real, { port }]) => [real, port]));
      const { open, close } = await connect(all[0]?.port as number, ports);
      const trips = await countTrips(open, roundTrips);
      await close();
      expect(trips).toEqual({ ...GOAL, ...but });
      note({ kind: "trips", store, client, trips });
    });
  });
}

/** Servers that know the scripts: else each learns one when it is first used. */
async function taught(servers: readonly RedisServer[]): Promise<readonly number[]> {
  for (const { admin } of servers) {
    for (const { text } of [...VERB_SCRIPTS, ...FEED_SCRIPTS]) await admin.script("LOAD", text);
  }
  return servers.map(({ port }) => port);
}

const oneRedis = async () => {
  const server = await startRedis();
  return { ports: await taught([server]), stop: server.stop };
};
const redisPrograms = { "redis-server": redisServer };

counts("redis", redisPrograms, oneRedis, {
  "node-redis": {
    async connect(port) {
      const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
      return { open: () => redisStore({ client }), close: () => client.destroy() };
    },
  },
  ioredis: {
    connect(port) {
      const client = new Redis(port, "127.0.0.1");
      return { open: () => redisStore({ client }), close: () => client.disconnect() };
    },
  },
  "ioredis, enableAutoPipelining": {
    connect(port) {
      const client = new Redis(port, "127.0.0.1", { enableAutoPipelining: true });
      return { open: () => redisStore({ client }), close: () => client.disconnect() };
    },
  },
  iovalkey: {
    connect(port) {
      const client = new Valkey(port, "127.0.0.1");
      return { open: () => redisStore({ client }), close: () => client.disconnect() };
    },
  },
  "valkey-glide": {
    async connect(port) {
      const addresses = [{ host: "127.0.0.1", port }];
      const client = await GlideClient.createClient({ addresses, requestTimeout: 30_000 });
      return { open: () => redisStore({ client }), close: () => client.close() };
    },
  },
});

const cluster = async () => {
  const { servers, stop } = await startCluster();
  return { ports: await taught(servers), stop };
};
counts("redis, cluster", redisPrograms, cluster, {
  "node-redis": {
    async connect(port, proxied) {
      const client = createCluster({
        rootNodes: [{ url: `redis://127.0.0.1:${port}` }],
        nodeAddressMap: (address) => {
          const real = Number(address.split(":")[1]);
          return { host: "127.0.0.1", port: proxied.get(real) ?? real };
        },
      });
      await client.connect();
      return { open: () => redisStore({ client }), close: () => client.destroy() };
    },
  },
  ioredis: {
    connect(port, proxied) {
      const natMap = Object.fromEntries(
        [...proxied].map(([real, port]) => [`127.0.0.1:${real}`, { host: "127.0.0.1", port }]),
      );
      const client = new Cluster([{ host: "127.0.0.1", port }], {
        natMap,
        slotsRefreshInterval: 0,
      });
      return { open: () => redisStore({ client }), close: () => client.disconnect() };
    },
  },
});

const postgresServer = async () => {
  const server = await startPostgres();
  const pool = poolAt(server.url);
  await postgresEntry.migrate(pool);
  await pool.end();
  return { ports: [server.port], stop: server.dispose };
};
counts("postgres", { postgres }, postgresServer, {
  pg: {
    connect(port) {
      const client = poolAt(`postgres://postgres@127.0.0.1:${port}/postgres`, { max: 1 });
      const open = () => postgresEntry.postgresStore({ client });
      return { open, close: () => client.end() };
    },
    but: { together: AT_ONCE },
  },
  "postgres.js": {
    connect(port) {
      const client = postgresJs(`postgres://postgres@127.0.0.1:${port}/postgres`, { max: 1 });
      const open = () => postgresEntry.postgresStore({ client });
      return { open, close: () => client.end() };
    },
  },
});

const mysqlServer = async () => {
  const { uri, port, dispose } = await startMysql();
  const pool = mysql.createPool({ uri });
  await mysqlEntry.migrate(pool);
  await pool.end();
  return { ports: [port], stop: dispose };
};
counts("mysql", { mariadb: mariadbd }, mysqlServer, {
  mysql2: {
    connect(port) {
      const uri = `mysql://app@127.0.0.1:${port}/coatcheck`;
      const client = mysql.createPool({ uri, connectionLimit: 1 });
      return { open: () => mysqlEntry.mysqlStore({ client }), close: () => client.end() };
    },
    but: { together: AT_ONCE },
  },
});

const memcached = async () => {
  const { address, kill } = await memcachedServer();
  return { ports: [Number(address.split(":")[1])], stop: kill };
};
counts("memcached", { memcached: memcachedProgram }, memcached, {
  "memcache-client": {
    connect(port) {
      const client = new MemcacheClient({ server: `127.0.0.1:${port}`, noDelay: true });
      return { open: () => memcachedStore({ client }), close: () => client.shutdown() };
    },
    // Whose a session is has to be read before the user can be, and is then remembered.
    but: { firstRead: 2 },
  },
  memcached: {
    connect(port) {
      const client = new Memcached(`127.0.0.1:${port}`, { poolSize: 1 });
      return { open: () => memcachedStore({ client }), close: () => client.end() };
    },
    but: { firstRead: 2 },
  },
});

// Each reads before it writes, since it can't write on a condition.
const BRIDGE = { read: 2, firstRead: 2, write: 4, touch: 4, signIn: 5, firstSignIn: 5, signOut: 4 };
counts("keyv", redisPrograms, oneRedis, {
  "@keyv/redis": {
    connect(port) {
      const store = new KeyvRedis(`redis://127.0.0.1:${port}`, { throwOnErrors: true });
      const client = new Keyv({ store, throwOnErrors: true });
      return { open: () => keyvStore({ client }), close: () => client.disconnect() };
    },
    but: BRIDGE,
  },
});

counts("express-session", redisPrograms, oneRedis, {
  "connect-redis": {
    async connect(port) {
      const redis = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
      const client = new RedisStore({ client: redis });
      return { open: () => expressSessionStore({ client }), close: () => redis.destroy() };
    },
    but: BRIDGE,
  },
});
