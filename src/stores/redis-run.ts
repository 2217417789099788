/**
 * Runs the scripts of a Redis store, and waits for replicas where that is asked for.
 *
 * @module
 */

import { withoutValues } from "../lib/plain-error.ts";
import type { RedisLink } from "./redis-client.ts";
import type { RedisScript } from "./redis-scripts.ts";

/** How many replicas have to have a write, and how long to wait for them, in milliseconds. */
export interface Confirmation {
  readonly replicas: number;
  readonly timeout: number;
}

export interface RedisRunner {
  /** Runs a script on keys of one slot. */
  run(
    script: RedisScript,
    keys: readonly string[],
    ...args: readonly (string | number)[]
  ): Promise<unknown>;
  /** Resolves when as many replicas as were asked for have what was just written under a key. */
  confirmed(key: string): Promise<void>;
  /** Refuses everything from now on. */
  close(): void;
}

export function redisRunner(link: RedisLink, confirm: Confirmation | undefined): RedisRunner {
  let isOpen = true;

  async function send(script: RedisScript, key: string, rest: readonly string[]): Promise<unknown> {
    try {
      return await link.send(key, ["EVALSHA", script.sha, ...rest]);
    } catch (error) {
      // A server that was restarted, took over, or had its scripts flushed learns it again.
      if (!isNoScript(error)) throw error;
      return await link.send(key, ["EVAL", script.text, ...rest]);
    }
  }

  return {
    async run(script, keys, ...args) {
      if (!isOpen) throw new Error("the Redis store is closed");
      const [key = ""] = keys;
      try {
        return await send(script, key, [`${keys.length}`, ...keys, ...args.map(String)]);
      } catch (error) {
        throw withoutValues(error);
      }
    },

    async confirmed(key) {
      if (confirm === undefined) return;
      const { replicas, timeout } = confirm;
      const count = Number(await link.wait(key, ["WAIT", `${replicas}`, `${timeout}`]));
      if (count >= replicas) return;
      throw new Error(
        `the write was made, but ${count} of ${replicas} replicas confirmed it in ${timeout} ms`,
      );
    },

    close() {
      isOpen = false;
    },
  };
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && /\bNOSCRIPT\b|NoScriptError/.test(error.message);
}
