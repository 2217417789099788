/**
 * The client of each package that speaks with Redis and Valkey, connected to what a suite runs on.
 *
 * @module
 */

import { GlideClient, GlideClusterClient } from "@valkey/valkey-glide";
import { Cluster, Redis } from "ioredis";
import { Redis as Valkey, Cluster as ValkeyCluster } from "iovalkey";
import { createClient, createCluster } from "redis";
import type { OnCluster, OnServer, RedisClients } from "./redis-suites.ts";

type Connect<Ground> = (ground: Ground) => Promise<RedisClients>;

export const ioredis: Connect<OnServer> = async ({ server: { url } }) => {
  const client = new Redis(url);
  const other = new Redis(url, { enableAutoPipelining: true });
  const subscriber = new Redis(url);
  return {
    client,
    other,
    subscriber,
    wired: (wire) => ({
      call: (command: string, ...args: string[]) =>
        wire(command, () => client.call(command, ...args)),
    }),
    close: async () => {
      for (const each of [client, other, subscriber]) each.disconnect();
    },
  };
};

export const iovalkey: Connect<OnServer> = async ({ server: { url } }) => {
  const [client, other, subscriber] = [new Valkey(url), new Valkey(url), new Valkey(url)];
  return {
    client,
    other,
    subscriber,
    close: async () => {
      for (const each of [client, other, subscriber]) each.disconnect();
    },
  };
};

export const nodeRedis: Connect<OnServer> = async ({ server: { url } }) => {
  const client = await createClient({ url }).connect();
  const other = await createClient({ url, RESP: 2 }).connect();
  const subscriber = await createClient({ url }).connect();
  return {
    client,
    other,
    subscriber,
    close: async () => {
      for (const each of [client, other, subscriber]) each.destroy();
    },
  };
};

const PATIENT = { requestTimeout: 30_000, inflightRequestsLimit: 5000 };

export const glide: Connect<OnServer> = async ({ server: { host, port } }) => {
  const options = { addresses: [{ host, port }], ...PATIENT };
  const client = await GlideClient.createClient(options);
  const other = await GlideClient.createClient(options);
  return {
    client,
    other,
    close: async () => {
      for (const each of [client, other]) each.close();
    },
  };
};

export const ioredisCluster: Connect<OnCluster> = async ({ cluster: { nodes } }) => {
  const connect = (enableAutoPipelining = false): Cluster =>
    new Cluster([...nodes], { enableAutoPipelining });
  const [client, other, subscriber] = [connect(), connect(true), connect()];
  return {
    client,
    other,
    subscriber,
    close: async () => {
      for (const each of [client, other, subscriber]) each.disconnect();
    },
  };
};

export const iovalkeyCluster: Connect<OnCluster> = async ({ cluster: { nodes } }) => {
  const connect = (enableAutoPipelining = false): ValkeyCluster =>
    new ValkeyCluster([...nodes], { enableAutoPipelining });
  const [client, other, subscriber] = [connect(), connect(true), connect()];
  return {
    client,
    other,
    subscriber,
    close: async () => {
      for (const each of [client, other, subscriber]) each.disconnect();
    },
  };
};

export const nodeRedisCluster: Connect<OnCluster> = async ({ cluster: { nodes } }) => {
  const rootNodes = nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
  const client = createCluster({ rootNodes });
  const other = createCluster({ rootNodes });
  const subscriber = createCluster({ rootNodes });
  for (const each of [client, other, subscriber]) await each.connect();
  return {
    client,
    other,
    subscriber,
    close: async () => {
      for (const each of [client, other, subscriber]) each.destroy();
    },
  };
};

export const glideCluster: Connect<OnCluster> = async ({ cluster: { nodes } }) => {
  const options = { addresses: [...nodes], ...PATIENT };
  const client = await GlideClusterClient.createClient(options);
  const other = await GlideClusterClient.createClient(options);
  return {
    client,
    other,
    close: async () => {
      for (const each of [client, other]) each.close();
    },
  };
};
