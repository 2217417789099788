// @ts-check
/**
 * Runs one command of a check, shown as it goes, with an end to its patience.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { delimiter, resolve } from "node:path";

const PATIENCE_MS = 15 * 60_000;

/**
 * @param {readonly string[]} command
 * @param {Readonly<Record<string, string>>} [env] added to the environment
 * @param {string} [cwd]
 * @returns {Promise<boolean>} whether it ended with exit code 0
 */
export function run([program = "", ...args], env = {}, cwd = ".") {
  const bin = resolve("node_modules/.bin");
  return new Promise((done) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}`, ...env },
      stdio: ["ignore", "inherit", "inherit"],
      detached: true, // its own process group, so that what it started ends with it
    });
    const timer = setTimeout(() => {
      console.error(`${program} did not end within ${PATIENCE_MS / 60_000} minutes`);
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, PATIENCE_MS);
    const settle = (/** @type {boolean} */ ok) => {
      clearTimeout(timer);
      done(ok);
    };
    child.on("error", (error) => {
      console.error(`${program}: ${error.message}`);
      settle(false);
    });
    child.on("exit", (code) => settle(code === 0));
  });
}
