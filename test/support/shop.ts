/**
 * Builds the example shop and starts it, as a person would, on a port of its own.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** A copy of the project in which library and shop were built, so that no other test is disturbed. */
export interface BuiltShop {
  readonly folder: string;
  /** Shops that were started here and have not ended: those of a test that failed half-way. */
  readonly running: Set<ChildProcess>;
  /** Ends what still runs, and removes the folder. */
  readonly remove: () => Promise<void>;
}

export interface RunningShop {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Sends the signal and waits for the end. @returns the exit code, or the signal that ended it. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
}

export type Environment = Readonly<Record<string, string>>;

export async function buildShop(): Promise<BuiltShop> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "coatcheck-shop-")));
  const running = new Set<ChildProcess>();
  async function remove(): Promise<void> {
    for (const child of running) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await copyProject(folder);
    for (const project of ["tsconfig.build.json", "examples/shop"]) await compile(folder, project);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, running, remove };
}

/** A new, empty folder for a shop's data. */
export function dataFolder(shop: BuiltShop): Promise<string> {
  return mkdtemp(join(shop.folder, "data-"));
}

/** Starts a built shop and waits until it says where it is. */
export async function startShop(shop: BuiltShop, env: Environment): Promise<RunningShop> {
  return whenOpen(spawnShop(shop, env));
}

/** Runs a shop that is not expected to open. */
export async function failingShop(
  shop: BuiltShop,
  env: Environment,
): Promise<{ readonly code: number; readonly err: string; readonly out: string }> {
  const child = spawnShop(shop, env);
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, err, out };
}

/** The running shop of a process that was just started. @throws when it ends before it opens. */
export async function whenOpen(child: ChildProcess): Promise<RunningShop> {
  let output = "";
  const address = await new Promise<string>((found, failed) => {
    function read(chunk: string): void {
      output += chunk;
      const [, url] = /open:\s+(http:\/\/\S+)/.exec(output) ?? [];
      // The whole greeting, not only its first line.
      if (url !== undefined && output.includes("closes the shop")) found(url);
    }
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
    child.once("close", (code) => failed(new Error(`the shop ended with ${code}:\n${output}`)));
  });

  const closed = once(child, "close");
  return {
    url: address,
    port: Number(new URL(address).port),
    output: () => output,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const [code, ending] = await closed;
      return code ?? ending;
    },
  };
}

async function copyProject(folder: string): Promise<void> {
  const files = ["package.json", "tsconfig.json", "tsconfig.build.json", "src"];
  const shop = ["tsconfig.json", "src", "public"].map((file) => join("examples/shop", file));
  await mkdir(join(folder, "examples/shop"), { recursive: true });
  for (const path of [...files, ...shop]) await cp(path, join(folder, path), { recursive: true });
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
}

async function compile(folder: string, project: string): Promise<void> {
  const tsc = resolve("node_modules/typescript/bin/tsc");
  await exec(process.execPath, [tsc, "-p", project], { cwd: folder }).catch((error) => {
    throw new Error(`the shop does not compile:\n${error.stdout}`);
  });
}

function spawnShop(shop: BuiltShop, env: Environment): ChildProcess {
  const child = spawn(process.execPath, ["examples/shop/dist/main.js"], {
    cwd: shop.folder,
    env: { PATH: process.env["PATH"], PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  shop.running.add(child);
  child.once("close", () => shop.running.delete(child));
  return child;
}
