// @ts-check
/**
 * A plain client over loopback that keeps its connections.
 *
 * @module
 */

import { Agent, request } from "node:http";
import { cookieHeader } from "./cookies.mjs";

/**
 * @typedef {(path: string, cookie?: string) => Promise<{ status: number, setCookie: string[], text: string }>} Ask
 * @returns {{ ask: Ask, close: () => void }}
 */
export function client(/** @type {number} */ port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    ask: (path, cookie) =>
      new Promise((resolve, reject) => {
        const headers = cookie === undefined || cookie === "" ? {} : { cookie };
        request({ agent, host: "127.0.0.1", port, path, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk) => {
            text += chunk;
          });
          response.on("error", reject);
          response.on("end", () => {
            const setCookie = response.headers["set-cookie"] ?? [];
            resolve({ status: response.statusCode ?? 0, setCookie, text });
          });
        })
          .on("error", reject)
          .end();
      }),
    close: () => agent.destroy(),
  };
}

/** What is answered, if it is answered with 200. @throws {Error} when it is not */
export async function good(
  /** @type {Ask} */ ask,
  /** @type {string} */ path,
  /** @type {string} */ cookie = "",
) {
  const answer = await ask(path, cookie);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer;
}

/** Starts a session. @returns its `Cookie` header */
export async function begin(/** @type {Ask} */ ask, n = 1) {
  return cookieHeader((await good(ask, `/start?n=${n}`)).setCookie);
}
