// @ts-check
/**
 * A process of an app that starts: what its first request waits for, and what it then holds in memory, when
 * there is a long feed of revocations.
 *
 * @module
 */

import { SECRET } from "../fixture.mjs";
import { built } from "../libraries/built.mjs";
import { serverKinds } from "../libraries/servers.mjs";

/** @typedef {{ kind: "redis" | "postgres", url: string, cookie: string }} Order */

const { kind, url, cookie } = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));
const { createSessions } = await built("index");
const { store, calls } = /** @type {any} */ (await serverKinds[kind](url));
const sessions = createSessions({ secrets: [SECRET], store, storeDeadline: "60s" });
// Connects, and asks what is asked only once.
await store.load("x".repeat(24));

const before = heap();
calls.take();
const from = performance.now();
const session = await sessions.open({ headers: { cookie } }).load();
const ms = performance.now() - from;
if (session.userId === undefined) throw new Error("the session was not found");
process.send?.({ ms, calls: calls.take().count, bytes: heap() - before });
// Not before this: what is not used any more is not in memory any more.
await sessions.close();
process.exit();

function heap() {
  for (let n = 0; n < 3; n += 1) /** @type {any} */ (globalThis).gc();
  return process.memoryUsage().heapUsed;
}
