/**
 * A Redis server of the test's own: a free port, its own folder, nothing on disk.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { findProgram, required } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** For `describeWith`. */
export const redisServer: string | undefined = findProgram("redis-server");

/** Starts it; stop it after the tests. */
export async function startRedis(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const folder = await temporaryFolder("interop-redis");
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  const program = required("redis-server", redisServer);
  const child = spawn(program, [...options, "--save", "", "--appendonly", "no"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes("Ready to accept connections")) break;
  }
  child.stdout.resume();
  return {
    port,
    async stop() {
      child.kill();
      await once(child, "close");
      await rm(folder, { recursive: true });
    },
  };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
