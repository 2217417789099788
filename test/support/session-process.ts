/**
 * A process of an app whose sessions lie in a store that other processes share. It serves requests that it
 * is told of on its input, one line each, and answers on its output.
 *
 *     node session-process.js <address of the store> <options>
 *
 * @module
 */

import { createInterface } from "node:readline";
import { MemcacheClient } from "memcache-client";
import { openStore } from "../../src/cli/open-store.ts";
import type { Session } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";

/** One thing to do. Requests have a number, so that one can be held open while others go on. */
export type Order =
  | { readonly do: "begin"; readonly request: number; readonly cookie: string }
  | { readonly do: "load" | "count" | "signOut" | "finish" | "fail"; readonly request: number }
  | { readonly do: "set"; readonly request: number; readonly key: string }
  | { readonly do: "signIn"; readonly request: number; readonly userId: string }
  /** Many requests at once: each sets a key of its own, counts, or reads. */
  | {
      readonly do: "many";
      readonly what: "set" | "count" | "read";
      readonly prefix: string;
      readonly times: number;
      readonly cookie: string;
    }
  | { readonly do: "revoke" | "revokeUser"; readonly id: string }
  | { readonly do: "clock"; readonly ahead: number };

/** What came of it. */
export interface Reply {
  readonly userId?: string | undefined;
  readonly id?: string | undefined;
  readonly keys?: readonly string[];
  readonly count?: unknown;
  readonly refusal?: string | undefined;
  /** Cookies that the browser is to keep; empty for one that it is to forget. */
  readonly cookies?: readonly string[];
  /** The code of the error that was thrown. */
  readonly error?: string | undefined;
  /** For many: how many were served to the user of the cookie. */
  readonly served?: number;
}

const [address = "", options = "{}"] = process.argv.slice(2);
// The clock of everything in this process: ours, the store's, its client's.
const rightTime = Date.now;
let ahead = 0;
Date.now = () => rightTime() + ahead;

const [, memcached] = /^memcached:(.*)$/.exec(address) ?? [];
const { store, close } =
  memcached === undefined ? await openStore("store", address) : openMemcached(memcached);
const sessions = createSessions<Record<string, unknown>>({
  secrets: ["ck1_tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"],
  store,
  ...(JSON.parse(options) as object),
});
const requests = new Map<number, Session>();

function openMemcached(server: string) {
  const client = new MemcacheClient({ server, noDelay: true });
  return { store: memcachedStore({ client }), close: async () => client.shutdown() };
}

function open(cookie: string): Session {
  return sessions.open({ headers: cookie === "" ? {} : { cookie } });
}

async function commit(session: Session, failed: boolean): Promise<readonly string[]> {
  const { cookies } = await session.commit({ at: "head", failed });
  return cookies.map(({ name, value, attributes }) =>
    attributes.maxAge === 0 ? "" : `${name}=${value}`,
  );
}

async function look(session: Session): Promise<Reply> {
  const loaded = await session.load();
  const { userId, id, refusal } = loaded;
  return { userId, id, refusal, keys: loaded.keys().sort(), count: loaded.get("count") };
}

const countUp = (session: Session): Promise<unknown> =>
  session.update("count", (count) => ((count as number | undefined) ?? 0) + 1);

async function many(order: Order & { readonly do: "many" }): Promise<Reply> {
  const { what, prefix, times, cookie } = order;
  const cookies: string[] = [];
  let served = 0;
  const request = async (_: unknown, number: number): Promise<void> => {
    const session = open(cookie);
    const loaded = await session.load();
    if (what === "set") loaded.set(`${prefix}${number}`, number);
    if (what === "count") await countUp(session);
    if (loaded.userId !== undefined) served += 1;
    cookies.push(...(await commit(session, false)));
  };
  await Promise.all(Array.from({ length: times }, request));
  return { served, cookies };
}

async function serve(order: Order): Promise<Reply> {
  if ("request" in order) return await serveRequest(order);
  if (order.do === "many") return await many(order);
  if (order.do === "clock") {
    ahead = order.ahead;
    return {};
  }
  if (order.do === "revoke") await sessions.revoke(order.id);
  else await sessions.revokeUser(order.id);
  return {};
}

async function serveRequest(order: Order & { readonly request: number }): Promise<Reply> {
  if (order.do === "begin") {
    requests.set(order.request, open(order.cookie));
    return {};
  }
  const session = requests.get(order.request) as Session;
  switch (order.do) {
    case "load":
      return await look(session);
    case "set":
      (await session.load()).set(order.key, true);
      return {};
    case "count":
      await countUp(session);
      return {};
    case "signIn":
      await session.signIn(order.userId);
      return await look(session);
    case "signOut":
      await session.signOut();
      return {};
    default:
      requests.delete(order.request);
      return { cookies: await commit(session, order.do === "fail") };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { number, order } = JSON.parse(line) as { number: number; order: Order };
  const reply = await serve(order).catch((error: { code?: string; message: string }) => ({
    error: error.code ?? error.message,
  }));
  console.log(`${number} ${JSON.stringify(reply)}`);
}
await sessions.close();
await close();
