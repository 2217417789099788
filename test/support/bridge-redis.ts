/**
 * A Redis server of a test's own, for libraries that the bridges stand on.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { findProgram, required } from "./needs.ts";

export const redisProgram: string | undefined = findProgram("redis-server");

export async function bridgeRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = spawn(required("redis-server", redisProgram), options, { stdio: "ignore" });
  const ended = once(server, "exit");
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries === 200) throw new Error("redis-server does not answer");
    await sleep(20);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      server.kill("SIGKILL");
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.once("data", (reply) => {
      socket.destroy();
      resolve(`${reply}`.startsWith("+PONG"));
    });
    socket.once("error", () => resolve(false));
  });
}
