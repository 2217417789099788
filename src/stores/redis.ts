/**
 * Keeps sessions in Redis or Valkey: one server, Sentinels, or a cluster.
 *
 * @module
 */

import type { Revocations, SessionRecord, SessionStore } from "./contract.ts";
import { redisFeed } from "./redis-feed.ts";
import { HOME_LENGTH, homes } from "./redis-home.ts";
import type { RedisStoreOptions } from "./redis-options.ts";
import { redisSettings } from "./redis-options.ts";
import { text, toLoaded, toPage } from "./redis-replies.ts";
import { redisRunner } from "./redis-run.ts";
import type { RedisSpace, SweepPosition } from "./redis-scan.ts";
import { listAll, sweepFrom } from "./redis-scan.ts";
import { CREATE, CUT_OFF, HOME, LIST, LOAD, PUBLISH, TOUCH, UPDATE } from "./redis-scripts.ts";
import { message, PULSE, redisWatch } from "./redis-watch.ts";

export type {
  GlideClient,
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
} from "./redis-client.ts";
export type { RedisStoreOptions } from "./redis-options.ts";
export type { IoredisSubscriber, NodeRedisSubscriber, RedisSubscriber } from "./redis-watch.ts";

const MAX_BODY_BYTES = 1024 * 1024;
// How much longer than asked for things lie there, so that no clock that is ahead takes one too early.
const MARGIN = 5 * 60 * 1000;
// More than any session lasts, and few enough for every command.
const LONGEST = 1e14;
const ID = /^[\w-]{24}$/;
const REST = /^[\w-]{16}$/;

/**
 * Creates a store on Redis 6.2 or later, or on Valkey. Nothing is sent before the first session is asked
 * for.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const client = await createClient().on("error", console.error).connect();
 * const sessions = createSessions({ secrets, store: redisStore({ client }) });
 * ```
 */
export function redisStore(options: RedisStoreOptions): SessionStore & Revocations {
  const { link, namespace, subscriber, confirm, forgets, clock } = redisSettings(options);
  const runner = redisRunner(link, confirm);
  const { run, confirmed } = runner;
  const changes = `${namespace}:changes`;
  const pulse = () => run(PUBLISH, [changes], PULSE);
  const watch = subscriber === undefined ? undefined : redisWatch(subscriber, changes, pulse);
  const channel = watch === undefined ? "" : changes;
  const feed = redisFeed({ key: `${namespace}:feed`, runner, channel, clock });
  const home = homes(keepHomeKey);
  const space: RedisSpace = { link, homeKey: (of) => `${namespace}:{${of}}`, run };
  let sweepAt: SweepPosition | undefined;
  let lastHomeKey = "";

  async function keepHomeKey(candidate: string): Promise<string> {
    const key = `${namespace}:home`;
    const isFirstTime = candidate !== lastHomeKey;
    lastHomeKey = candidate;
    const keep = async () => (await run(HOME, [key], candidate)) as readonly unknown[];
    const [kept] = await confirmed(key, keep, ([there, isNew]) => {
      // What nobody else can know has come by the very same command, sent twice.
      return Number(isNew) === 1 || (isFirstTime && text(there) === candidate);
    });
    lastHomeKey = text(kept);
    return lastHomeKey;
  }

  function homeOf(id: string): string {
    return space.homeKey(id.slice(0, HOME_LENGTH));
  }

  return {
    name: "redis",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: true,
      conditionalWrites: true,
      forgets,
      shared: true,
    },

    home,

    async load(id) {
      if (!ID.test(id)) return undefined;
      return toLoaded(id, await run(LOAD, [homeOf(id)], restOf(id)));
    },

    async create({ id, userId, lastSeenAt, expiresAt, closed, body }, startedAgo, now) {
      if (!ID.test(id)) throw new TypeError("a session id is 24 base64url characters");
      if (userId !== undefined && id.slice(0, HOME_LENGTH) !== (await home(userId))) {
        throw new TypeError("the id of a user's session begins with the user's home");
      }
      const record = [lastSeenAt, expiresAt, closed ? 1 : 0, userId ?? "", body];
      const over = [lifetime(expiresAt, now), now - MARGIN];
      const key = homeOf(id);
      const reply = await run(CREATE, [key], restOf(id), startedAgo, ...record, ...over);
      return text(reply) as "created" | "taken" | "cut-off";
    },

    async update(id, revision, { body, lastSeenAt, expiresAt, close = false }, now) {
      if (!ID.test(id)) return false;
      const next = [revision, lastSeenAt, expiresAt, close ? 1 : 0, body];
      const told = [now, lifetime(expiresAt, now), channel, message("session", id)];
      const key = homeOf(id);
      const write = async () => Number(await run(UPDATE, [key], restOf(id), ...next, ...told));
      return (await (close ? confirmed(key, write, (told) => told > 0) : write())) === 1;
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      if (!ID.test(id)) return false;
      const times = [lastSeenAt, expiresAt, now, lifetime(expiresAt, now)];
      return Number(await run(TOUCH, [homeOf(id)], restOf(id), ...times)) === 1;
    },

    async cutOff(userId, { except = "", keepUntil }, now) {
      const at = await home(userId);
      const key = space.homeKey(at);
      const kept = ID.test(except) && except.startsWith(at) ? restOf(except) : "";
      const times = [keepUntil, now, lifetime(keepUntil, now)];
      const told = [channel, message("user", userId)];
      const write = () => run(CUT_OFF, [key], userId, kept, ...times, ...told);
      return Number(await confirmed(key, write));
    },

    async list({ userId, cursor, limit }, now) {
      if (userId === undefined) return listAll(space, cursor, limit, now);
      if (cursor !== undefined && !REST.test(cursor)) {
        throw new TypeError("this is no cursor of a list of a user's sessions");
      }
      const at = await home(userId);
      const key = space.homeKey(at);
      const reply = await run(LIST, [key], now, limit, userId, cursor ?? "");
      const { records, hasMore } = toPage(at, (reply as readonly unknown[])[0]);
      const last: SessionRecord | undefined = records.at(-1);
      return hasMore && last !== undefined ? { records, cursor: restOf(last.id) } : { records };
    },

    async sweep(limit, now) {
      const from = sweepAt;
      const first = await sweepFrom(space, from, limit, now);
      let { removed, stopped } = first;
      if (from !== undefined && stopped === undefined) {
        // What lies before the place where the last one stopped.
        const second = await sweepFrom(space, undefined, limit - removed, now);
        removed += second.removed;
        stopped = second.stopped;
      }
      sweepAt = stopped;
      if (stopped === undefined) await feed.sweep(now);
      return removed;
    },

    async close() {
      runner.close();
      watch?.close();
    },

    ...(watch && { watch: (listener) => watch.add(listener) }),

    add: feed.add,
    since: feed.since,
  };
}

function restOf(id: string): string {
  return id.slice(HOME_LENGTH);
}

/** How long a key must live for something that is needed until a moment. */
function lifetime(until: number, now: number): string {
  // Reckoned from the core's now, so that it does not matter what the server's clock says.
  return Math.min(Math.ceil(Math.max(until - now, 0)) + MARGIN, LONGEST).toFixed(0);
}
