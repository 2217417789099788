/**
 * Memcached servers of a test's own: on free ports of the loopback, ended by their process.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { chosenServer, findProgram, required } from "./needs.ts";

export const memcachedProgram: string | undefined =
  chosenServer("memcached") ?? findProgram("memcached");

export interface MemcachedServer {
  /** `127.0.0.1:12345`, the same after a restart. */
  readonly address: string;
  /** How many commands of each kind it has had, such as `cmd_get`, and what it has evicted. */
  stats(): Promise<Readonly<Record<string, number>>>;
  /** Ends it as a crash would, and starts it again when told to. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** @param megabytes - how much it may keep before it evicts */
export async function memcachedServer(megabytes = 64): Promise<MemcachedServer> {
  const program = required("memcached", memcachedProgram);
  const port = await freePort();
  let server: ChildProcess | undefined;
  async function start(): Promise<void> {
    const root = process.getuid?.() === 0 ? ["-u", "root"] : [];
    const options = [
      "-l",
      "127.0.0.1",
      "-p",
      `${port}`,
      "-U",
      "0",
      "-m",
      `${megabytes}`,
      "-t",
      "2",
    ];
    server = spawn(program, [...options, ...root], { stdio: "ignore" });
    for (let tries = 0; !(await isListening(port)); tries += 1) {
      if (tries === 200) throw new Error("memcached does not answer");
      await sleep(20);
    }
  }
  await start();
  return {
    address: `127.0.0.1:${port}`,
    start,
    stats: () => readStats(port),
    async kill() {
      const running = server;
      server = undefined;
      if (running === undefined) return;
      const ended = once(running, "exit");
      running.kill("SIGKILL");
      await ended;
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function readStats(port: number): Promise<Record<string, number>> {
  const socket = connect(port, "127.0.0.1");
  socket.write("stats\r\nquit\r\n");
  let text = "";
  for await (const piece of socket) text += piece;
  const lines = text.split("\r\n").map((line) => line.split(" "));
  return Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, Number(value)]));
}
