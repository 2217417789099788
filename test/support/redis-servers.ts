/**
 * Redis servers of a test's own: one, one with Sentinels, or a cluster of six, each on free ports of this
 * machine and in a folder of its own, ended by their process ids.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { chosenServer, findProgram, required } from "./needs.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const HOST = "127.0.0.1";

export const redisServer: string | undefined =
  chosenServer("redis") ?? findProgram("redis-server", "valkey-server");

/** What `describeWith` has to find. */
export const redisPrograms: Readonly<Record<string, string | undefined>> = {
  "redis-server": redisServer,
};

export const valkeyServer: string | undefined =
  chosenServer("valkey") ?? findProgram("valkey-server");

export const valkeyPrograms: Readonly<Record<string, string | undefined>> = {
  "valkey-server": valkeyServer,
};

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** A connection for the test itself. */
  readonly admin: Redis;
  /** Whether its process lives. */
  isRunning(): boolean;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again, on its port and in its folder. */
  restart(): Promise<void>;
  /** Stops it where it is, as a machine that hangs; `SIGCONT` lets it go on. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Its path. @default {@link redisServer} */
  readonly program?: string | undefined;
  readonly as?: "server" | "sentinel";
}

/** Starts one server with these settings, as they stand in `redis.conf`. */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  options: RedisOptions = {},
): Promise<RedisServer> {
  const folder = await temporaryFolder("redis");
  // The port may be taken between looking and starting.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(), folder, settings, options);
    } catch (error) {
      if (attempt < 3) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

async function startOn(
  port: number,
  folder: string,
  settings: Readonly<Record<string, string>>,
  { program = redisServer, as = "server" }: RedisOptions,
): Promise<RedisServer> {
  await mkdir(folder, { recursive: true });
  const config = join(folder, "redis.conf");
  const log = join(folder, "log");
  const lines = {
    bind: HOST,
    port: `${port}`,
    dir: folder,
    logfile: log,
    ...(as === "server" ? { save: '""' } : {}),
    ...settings,
  };
  await writeFile(
    config,
    Object.entries(lines)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  const start = () =>
    spawnRedis(
      required("redis-server", program),
      as === "sentinel" ? [config, "--sentinel"] : [config],
      port,
      log,
    );
  let child = await start();
  let callOff = guard(child.pid, folder);
  const admin = new Redis({
    port,
    host: HOST,
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
  });
  // What happens to the server is the test's doing.
  admin.on("error", () => undefined);

  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!isRunning()) return;
    const ended = once(child, "exit");
    // First, so that it never ends a process that got the same number later.
    callOff();
    child.kill(signal);
    await ended;
  }

  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    admin,
    isRunning,
    kill: () => end("SIGKILL"),
    async restart() {
      await end("SIGKILL");
      child = await start();
      callOff = guard(child.pid, folder);
    },
    signal(name) {
      child.kill(name);
    },
    async stop() {
      admin.disconnect();
      await end("SIGKILL");
      callOff();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function spawnRedis(
  program: string,
  args: readonly string[],
  port: number,
  log: string,
): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: "ignore" });
  const probe = new Redis({ port, host: HOST, lazyConnect: true, retryStrategy: () => null });
  probe.on("error", () => undefined);
  try {
    for (const deadline = Date.now() + 15_000; ; ) {
      if (child.exitCode !== null) break;
      try {
        await probe.connect();
        if ((await probe.ping()) === "PONG") return child;
      } catch {
        // Not yet.
      }
      if (Date.now() > deadline) break;
      await wait(30);
    }
  } finally {
    probe.disconnect();
  }
  child.kill("SIGKILL");
  throw new Error(`${program} did not start:\n${await readFile(log, "utf8").catch(() => "")}`);
}

/**
 * Ends a server when this process ends without having done so: killed, or with every test of a file
 * filtered out, when nothing is tidied up. @returns what calls it off.
 */
function guard(pid: number | undefined, folder: string): () => void {
  const orders = `read _; kill -9 ${pid}; rm -rf '${folder}'`;
  const child = spawn("sh", ["-c", orders], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.unref();
  (child.stdin as unknown as Socket).unref();
  child.stdin.on("error", () => undefined);
  return () => child.kill("SIGKILL");
}

/**
 * Resolves with a moment when everything that was acknowledged before it is on so many replicas.
 *
 * @param key - one that the primary has, in a cluster
 */
export async function replicated(
  { admin }: RedisServer,
  replicas: number,
  key = "marker",
): Promise<number> {
  const at = Date.now();
  await admin.set(key, at);
  const confirmed = await admin.wait(replicas, 30_000);
  if (confirmed < replicas) throw new Error(`${confirmed} of ${replicas} replicas are there`);
  return at;
}

/** A primary, two replicas and three Sentinels that watch them. */
export interface SentinelSetUp {
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly RedisServer[];
  /**
   * The server that the Sentinels call the primary: all of them, as clients ask any.
   *
   * @throws while they do not agree.
   */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** Starts them; a primary that is silent for some seconds is replaced. */
export async function startSentinels(): Promise<SentinelSetUp> {
  const name = "sessions";
  const first = await startRedis({ "repl-diskless-sync-delay": "0" });
  const replicas = await Promise.all(
    [1, 2].map(() =>
      startRedis({ replicaof: `${HOST} ${first.port}`, "repl-diskless-sync-delay": "0" }),
    ),
  );
  const servers = [first, ...replicas];
  await until("the replicas are there", async () =>
    (await first.admin.info("replication")).includes("connected_slaves:2"),
  );
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => startRedis(sentinelSettings(name, first.port), { as: "sentinel" })),
  );
  await until("the Sentinels know each other", async () => {
    const seen = await Promise.all(
      sentinels.map(async ({ admin }) => {
        const replicaList = (await admin.call("SENTINEL", "REPLICAS", name)) as unknown[];
        const others = (await admin.call("SENTINEL", "SENTINELS", name)) as unknown[];
        return replicaList.length === 2 && others.length === 2;
      }),
    );
    return seen.every(Boolean);
  });

  return {
    name,
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    servers,
    async primary() {
      const named = await Promise.all(
        sentinels.map(async ({ admin }) => {
          const address = await admin.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name);
          const [, port] = address as [string, string];
          return servers.find((server) => server.port === Number(port));
        }),
      );
      const [primary] = named;
      if (primary === undefined || named.some((other) => other !== primary)) {
        throw new Error("the Sentinels do not agree on a primary");
      }
      return primary;
    },
    async stop() {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}

function sentinelSettings(name: string, port: number): Readonly<Record<string, string>> {
  return {
    "sentinel monitor": `${name} ${HOST} ${port} 2`,
    "sentinel down-after-milliseconds": `${name} 3000`,
    "sentinel failover-timeout": `${name} 5000`,
  };
}

/** Three primaries, each with a replica. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  /** Addresses for a client to begin with. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The primary that has a slot, as the others see it. */
  primaryOf(slot: number): Promise<RedisServer>;
  /** Empties every primary. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts a cluster; a primary that is silent for some seconds is replaced. */
export async function startCluster(
  settings: Readonly<Record<string, string>> = {},
  options: RedisOptions = {},
): Promise<RedisCluster> {
  const buses = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  const common = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": "5000",
    "cluster-config-file": "nodes.conf",
    "repl-diskless-sync-delay": "0",
    ...settings,
  };
  const servers = await Promise.all(
    buses.map((bus) => startRedis({ "cluster-port": `${bus}`, ...common }, options)),
  );
  const [first] = servers as [RedisServer];
  await Promise.all(
    servers.map(({ admin }, index) => admin.call("CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`)),
  );
  for (const [index, { port }] of servers.entries()) {
    if (index > 0) await first.admin.call("CLUSTER", "MEET", HOST, `${port}`, `${buses[index]}`);
  }
  const ids = await Promise.all(servers.map(({ admin }) => admin.call("CLUSTER", "MYID")));
  await Promise.all(
    servers.slice(0, 3).map(({ admin }, index) => {
      const from = Math.floor((index * SLOTS) / 3);
      const to = Math.floor(((index + 1) * SLOTS) / 3) - 1;
      return admin.call("CLUSTER", "ADDSLOTSRANGE", `${from}`, `${to}`);
    }),
  );
  await until("the nodes know each other", async () => {
    const known = await Promise.all(servers.map(({ admin }) => admin.call("CLUSTER", "NODES")));
    return known.every((list) => ids.every((id) => String(list).includes(String(id))));
  });
  await Promise.all(
    servers.slice(3).map(({ admin }, index) => admin.call("CLUSTER", "REPLICATE", `${ids[index]}`)),
  );
  await until("the cluster is complete", async () => {
    const states = await Promise.all(
      servers.map(async ({ admin }) => {
        const info = String(await admin.call("CLUSTER", "INFO"));
        const slots = (await admin.call("CLUSTER", "SLOTS")) as unknown[][];
        return info.includes("cluster_state:ok") && slots.every((slot) => slot.length === 4);
      }),
    );
    return states.every(Boolean);
  });

  return {
    servers,
    nodes: servers.slice(0, 3).map(({ host, port }) => ({ host, port })),
    async primaryOf(slot) {
      for (const { admin } of servers.filter(({ isRunning }) => isRunning())) {
        const slots = (await admin.call("CLUSTER", "SLOTS")) as [
          number,
          number,
          [string, number],
        ][];
        const range = slots.find(([from, to]) => from <= slot && slot <= to);
        const found = servers.find(({ port }) => port === range?.[2][1]);
        if (found !== undefined) return found;
      }
      throw new Error(`no node knows who has slot ${slot}`);
    },
    async flush() {
      await Promise.all(
        servers.map(async ({ admin }) => {
          const [role] = (await admin.call("ROLE")) as [string];
          if (role === "master") await admin.flushall();
        }),
      );
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
