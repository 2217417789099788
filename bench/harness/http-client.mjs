// @ts-check
/**
 * A plain client over loopback that keeps its connections.
 *
 * @module
 */

import { Agent, request } from "node:http";

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
