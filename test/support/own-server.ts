/**
 * A database server that a test starts for itself: its own port, its own folder, ended by its own
 * process.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { findProgram } from "./needs.ts";

// Debian's nobody: database servers refuse to run as root.
const NOBODY = 65534;

/** Whom a server runs as: nobody when the tests run as root, else whoever runs them. */
const asNobody: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

const setpriv = findProgram("setpriv");

/** What goes before a server's command line, so that it ends when the tests are killed. */
function endedWithUs(): string[] {
  if (setpriv === undefined) return [];
  const { uid, gid } = asNobody;
  const user = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  return [setpriv, ...user, "--pdeathsig=KILL", "--"];
}

export async function ownFolder(path: string): Promise<void> {
  if (asNobody.uid !== undefined) await chown(path, NOBODY, NOBODY);
}

/** Runs a program to its end, as the server will run. */
export async function runAsNobody(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, [...args], { ...asNobody, cwd: "/" });
}

/** A server process that can be ended, killed and started again. */
export interface OwnServer {
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** Ends it as it wishes to be ended. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

export interface OwnServerOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** What it says goes there. */
  readonly folder: string;
  readonly endBy: NodeJS.Signals;
  /** Throws as long as it is not ready. */
  isReady(): Promise<unknown>;
}

const LONGEST_START_MS = 60_000;

export function ownServer(options: OwnServerOptions): OwnServer {
  const { program, args, folder, endBy, isReady } = options;
  const path = join(folder, "server.log");
  let child: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    ending.kill(signal);
    await once(ending, "exit");
  }

  async function startOnce(): Promise<boolean> {
    const log = await open(path, "a");
    const [command, ...rest] = [...endedWithUs(), program, ...args];
    const started = spawn(command as string, rest, {
      // setpriv changes the user itself: whoever does so later is not ended any more.
      ...(setpriv === undefined ? asNobody : {}),
      cwd: "/",
      stdio: ["ignore", log.fd, log.fd],
    });
    child = started;
    await log.close();
    const deadline = Date.now() + LONGEST_START_MS;
    while (started.exitCode === null && started.signalCode === null && Date.now() < deadline) {
      try {
        await isReady();
        return true;
      } catch {
        await wait(50);
      }
    }
    return false;
  }

  return {
    async start() {
      // After a kill its children may hold on for a moment to what the next one needs.
      for (let tries = 0; tries < 20; tries += 1) {
        if (await startOnce()) return;
        await end("SIGKILL");
        await wait(250);
      }
      throw new Error(`${program} does not start:\n${(await readFile(path, "utf8")).slice(-2000)}`);
    },
    stop: () => end(endBy),
    kill: () => end("SIGKILL"),
  };
}
