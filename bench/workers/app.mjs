// @ts-check
/**
 * One of the app processes of a fleet: `node:http`, coatcheck, and a store on Redis that all share.
 *
 * @module
 */

import { createServer } from "node:http";
import { createClient, createCluster } from "redis";
import { listener } from "../frameworks/node.mjs";
import { handlersOf } from "../handlers.mjs";
import { built } from "../libraries/built.mjs";
import { coatcheckWith } from "../libraries/coatcheck.mjs";

/**
 * `timed` remembers for ten seconds, which is the default; `watched` is told of changes besides.
 *
 * @typedef {{ urls: string[], cache: "none" | "timed" | "watched" }} Order
 */

const { redisStore } = await built("stores/redis");
const { cached } = await built("stores/layers/cached");
const { urls, cache } = /** @type {Order} */ (JSON.parse(process.argv[2] ?? "{}"));

const client =
  urls.length > 1
    ? createCluster({ rootNodes: urls.map((url) => ({ url })) })
    : createClient({ url: urls[0] ?? "" });
await client.connect();
const subscriber = cache === "watched" ? createClient({ url: urls[0] ?? "" }) : undefined;
await subscriber?.connect();
const inner = redisStore({ client, subscriber });
const store = cache === "none" ? inner : cached(inner);

const installed = await coatcheckWith({ store })("node");
const server = createServer(await listener(installed, handlersOf(installed)));
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  process.send?.({ port, pid: process.pid });
});
process.on("message", () => process.send?.(store.stats?.()));
process.on("disconnect", () => process.exit());
