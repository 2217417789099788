/**
 * A Redis of one test file's own, on a free port and without a file on disk.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { RedisClientType } from "redis";
import { createClient } from "redis";
import { findProgram, required } from "../../support/needs.ts";

export const redisServer: string | undefined = findProgram("redis-server");

type None = Record<never, never>;

export interface TestRedis {
  readonly client: RedisClientType<None, None, None, 3, None>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-interop-redis-"));
  const port = await freePort();
  const program = required("redis-server", redisServer);
  const child = spawn(
    program,
    [
      "--port",
      `${port}`,
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      folder,
    ],
    { stdio: "ignore" },
  );
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    socket: { reconnectStrategy: () => 50 },
  });
  client.on("error", () => undefined);
  const connecting = client.connect();
  await Promise.race([connecting, setTimeout(10_000, undefined, { ref: false })]);
  await client.ping();
  return {
    client,
    async stop(): Promise<void> {
      await client.close();
      const ended = once(child, "exit");
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
