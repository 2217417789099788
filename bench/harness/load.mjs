// @ts-check
/**
 * As many requests as the server can answer: by wrk where it is installed, else by autocannon.
 *
 * @module
 */

import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runWorker } from "./child.mjs";

export const CONNECTIONS = 32;

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {string} path
 * @property {readonly string[]} cookies `Cookie` headers, taken in turn; none: no cookie is sent
 * @property {number} seconds
 *
 * @typedef {{ name: string, send: (load: Load) => Promise<Sent> }} Generator
 * @typedef {{ answered: number, elapsed: number }} Sent requests answered with 2xx, and in how many seconds
 */

/** @returns {Generator} */
export function loadGenerator() {
  try {
    execFileSync("wrk", ["-v"], { stdio: "ignore" });
  } catch (error) {
    // wrk -v prints its version and exits with 1.
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") {
      return { name: "autocannon", send: autocannon };
    }
  }
  return { name: "wrk", send: wrk };
}

/** @returns {Promise<Sent>} */
function autocannon(/** @type {Load} */ load) {
  // One for each connection; all of them would be more than a command line may be long.
  return runWorker("autocannon", { ...load, cookies: load.cookies.slice(0, CONNECTIONS) });
}

/** @returns {Promise<Sent>} */
async function wrk(/** @type {Load} */ { port, path, cookies, seconds }) {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-wrk-"));
  try {
    const script = join(folder, "requests.lua");
    await writeFile(script, lua(path, cookies));
    const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script];
    const { stdout } = await promisify(execFile)("wrk", [...args, `http://127.0.0.1:${port}`]);
    const [, answered, elapsed] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? [];
    if (answered === undefined || /Non-2xx|Socket errors/.test(stdout)) {
      throw new Error(`wrk ${path}: ${stdout}`);
    }
    return { answered: Number(answered), elapsed: Number(elapsed) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function lua(/** @type {string} */ path, /** @type {readonly string[]} */ cookies) {
  const headers = cookies.length === 0 ? ["{}"] : cookies.map((cookie) => `{Cookie=[[${cookie}]]}`);
  return `local headers = {${headers.join(",\n")}}
local requests = {}
init = function()
  for i, fields in ipairs(headers) do
    requests[i] = wrk.format("GET", ${JSON.stringify(path)}, fields)
  end
end
local n = 0
request = function()
  n = n % #requests + 1
  return requests[n]
end
`;
}
