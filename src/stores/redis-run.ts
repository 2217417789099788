/**
 * Runs the scripts of a Redis store, and waits for replicas where that is asked for.
 *
 * @module
 */

import { withoutValues } from "../lib/plain-error.ts";
import type { RedisLink } from "./redis-client.ts";
import { text } from "./redis-replies.ts";
import type { RedisScript } from "./redis-scripts.ts";
import { SERVER } from "./redis-scripts.ts";

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
  /**
   * Does something to a key, and resolves when as many replicas as were asked for have what was written.
   *
   * @param hasWritten - whether there is anything to wait for
   */
  confirmed<Reply>(
    key: string,
    write: () => Promise<Reply>,
    hasWritten?: (reply: Reply) => boolean,
  ): Promise<Reply>;
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

  const run: RedisRunner["run"] = async (script, keys, ...args) => {
    if (!isOpen) throw new Error("the Redis store is closed");
    const [key = ""] = keys;
    try {
      return await send(script, key, [`${keys.length}`, ...keys, ...args.map(String)]);
    } catch (error) {
      throw withoutValues(error);
    }
  };

  /** What tells the connection on which commands about a key go from every other. */
  async function connectionOf(key: string): Promise<string> {
    const own = link.sendAlong(key, ["CLIENT", "ID"]);
    const [server, id] = await Promise.all([run(SERVER, [key]), own]);
    return `${text(server)} ${text(id)}`;
  }

  return {
    run,

    async confirmed(key, write, hasWritten = () => true) {
      if (confirm === undefined) return await write();
      // Not together with the write: a script that has to be sent first would come after it.
      const before = await connectionOf(key);
      const reply = await write();
      if (!hasWritten(reply)) return reply;
      const { replicas, timeout } = confirm;
      const command = ["WAIT", `${replicas}`, `${timeout}`];
      const [count, after] = await Promise.all([link.sendAlong(key, command), connectionOf(key)]);
      // `WAIT` is about the writes of its own connection. On another one (the client has sent again what
      // was not answered, or there was a failover) replicas have confirmed something else, or nothing. So they have
      // where the primary was a replica in between.
      if (before !== after) {
        throw new Error(
          "the write was made, but its connection or its primary was lost before replicas had confirmed it",
        );
      }
      if (Number(count) >= replicas) return reply;
      throw new Error(
        `the write was made, but ${Number(count)} of ${replicas} replicas confirmed it in ${timeout} ms`,
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
