/**
 * Runs the store suite on a Redis store, on one server or on a cluster, of Redis or of Valkey, with the client of
 * one package.
 *
 * @module
 */

import { afterAll, it } from "vitest";
import type { RedisStoreOptions } from "../../src/stores/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { FEED_SCRIPTS } from "../../src/stores/redis-feed.ts";
import { VERB_SCRIPTS } from "../../src/stores/redis-scripts.ts";
import type { Wire } from "../../src/testing/explorer.ts";
import type { StoreFixture } from "../../src/testing/store-fixture.ts";
import { describeWith, required } from "./needs.ts";
import type { RedisCluster, RedisOptions, RedisServer } from "./redis-servers.ts";
import { redisPrograms, startCluster, startRedis } from "./redis-servers.ts";
import { runStoreSuite } from "./run-store-suite.ts";

/** What a suite runs on. */
export interface RedisGround {
  readonly servers: readonly RedisServer[];
  flush(): Promise<unknown>;
  stop(): Promise<unknown>;
}

/** Two clients of one package, connected, and how they end. */
export interface RedisClients {
  readonly client: RedisStoreOptions["client"];
  readonly other: RedisStoreOptions["client"];
  readonly subscriber?: NonNullable<RedisStoreOptions["subscriber"]>;
  /** The client with every command on a wire; absent to play the races verb by verb. */
  wired?(wire: Wire): RedisStoreOptions["client"];
  close(): Promise<unknown>;
}

/** The suite, where there is such a server. */
export function redisSuite<Ground extends RedisGround>(
  name: string,
  start: () => Promise<Ground>,
  connect: (ground: Ground) => Promise<RedisClients>,
  // The suite waits for the server's clock, so fewer sequences have to do.
  {
    races = true,
    sequences = races ? 6 : 2,
    programs = redisPrograms,
  }: {
    readonly sequences?: number;
    readonly races?: boolean;
    /** What `start` starts. */
    readonly programs?: Readonly<Record<string, string | undefined>>;
  } = {},
): void {
  describeWith(programs, name, async () => {
    const missing = Object.entries(programs).find(([, path]) => path === undefined);
    if (missing !== undefined) {
      it(`finds ${missing[0]}`, () => required(...missing));
      return;
    }
    const ground = await start();
    // Known to every server, so that the number of commands is the same in every test.
    await Promise.all(
      ground.servers.flatMap(({ admin }) =>
        [...VERB_SCRIPTS, ...FEED_SCRIPTS].map(({ text }) => admin.script("LOAD", text)),
      ),
    );
    const clients = await connect(ground);
    afterAll(async () => {
      await clients.close();
      await ground.stop();
    });
    await runStoreSuite(name, () => openFixture(ground, clients), {
      sequences,
      // A storm is a quarter of a million commands, for which a busy machine takes its time.
      timeout: 120_000,
      // The order of commands is no different with another client or on another server.
      ...(races ? {} : { only: (test) => !test.includes(" race: ") }),
    });
  });
}

async function openFixture(ground: RedisGround, clients: RedisClients): Promise<StoreFixture> {
  await ground.flush();
  const { client, other, subscriber, wired } = clients;
  const rest = { forgets: ["failover"] as const, ...(subscriber && { subscriber }) };
  return {
    store: redisStore({ client, ...rest }),
    another: async () => redisStore({ client: other, ...rest }),
    elsewhere: async () => redisStore({ client, namespace: "elsewhere", ...rest }),
    ...(wired && {
      async wired(wire: Wire) {
        let current: Wire = (_command, send) => send();
        const store = redisStore({ client: wired((c, send) => current(c, send)), ...rest });
        // Where homes are kept is asked once, and not in the middle of a race.
        await store.home?.("ada");
        current = wire;
        return store;
      },
    }),
  };
}

/** A ground for several suites, one after the other; the last one stops it. */
export function sharedGround<Ground extends RedisGround>(
  start: () => Promise<Ground>,
  users: number,
): () => Promise<Ground> {
  let started: Promise<Ground> | undefined;
  let left = users;
  return async () => {
    started ??= start();
    const ground = await started;
    return {
      ...ground,
      async stop() {
        left -= 1;
        if (left === 0) await ground.stop();
      },
    };
  };
}

export interface OnCluster extends RedisGround {
  readonly cluster: RedisCluster;
}

/** A cluster. */
export async function startClusterGround(options: RedisOptions = {}): Promise<OnCluster> {
  const cluster = await startCluster({}, options);
  return { cluster, servers: cluster.servers, flush: cluster.flush, stop: cluster.stop };
}

export interface OnServer extends RedisGround {
  readonly server: RedisServer;
}

/** One server. */
export async function startRedisGround(options: RedisOptions = {}): Promise<OnServer> {
  const server = await startRedis({}, options);
  return {
    server,
    servers: [server],
    flush: () => server.admin.flushall(),
    stop: () => server.stop(),
  };
}
