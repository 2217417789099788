// @ts-check
/**
 * Workers: processes of their own, so that nothing measured disturbs its neighbour.
 *
 * @module
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * Runs `workers/<name>.mjs` to its end.
 *
 * @param {string} name
 * @param {unknown} order what the worker is to do; it finds it in `process.argv[2]`
 * @param {readonly string[]} [nodeFlags]
 * @returns {Promise<any>} the one message that it sends
 */
export async function runWorker(name, order, nodeFlags = []) {
  const child = start(name, order, nodeFlags);
  /** @type {unknown} */
  let result;
  child.process.on("message", (message) => {
    result = message;
  });
  const [code] = await once(child.process, "exit");
  if (code !== 0 || result === undefined) {
    throw new Error(`${name} ${JSON.stringify(order)} ended with ${code}: ${child.complaint()}`);
  }
  return result;
}

/**
 * Starts `workers/<name>.mjs` as a server that answers questions.
 *
 * @param {string} name
 * @param {unknown} order
 * @returns {Promise<{ ready: any, ask: (question: string) => Promise<any>, stop: () => Promise<void> }>}
 */
export async function startServer(name, order) {
  const child = start(name, order, ["--expose-gc"]);
  const failed = once(child.process, "exit").then(([code]) => {
    throw new Error(`${name} ${JSON.stringify(order)} ended with ${code}: ${child.complaint()}`);
  });
  const message = () => Promise.race([once(child.process, "message").then(([m]) => m), failed]);
  failed.catch(() => {});
  return {
    ready: await message(),
    ask(question) {
      const answer = message();
      child.process.send(question);
      return answer;
    },
    async stop() {
      const ended = once(child.process, "exit");
      child.process.kill();
      await ended;
    },
  };
}

function start(
  /** @type {string} */ name,
  /** @type {unknown} */ order,
  /** @type {readonly string[]} */ nodeFlags,
) {
  const file = fileURLToPath(new URL(`../workers/${name}.mjs`, import.meta.url));
  const child = fork(file, [JSON.stringify(order)], {
    execArgv: [...nodeFlags],
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  // Only the end is kept: some libraries print a stack for every forged cookie.
  let tail = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    tail = (tail + text).slice(-2000);
  });
  return { process: child, complaint: () => tail };
}
