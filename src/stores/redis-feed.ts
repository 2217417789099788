/**
 * The feed of revocations of a Redis store: a stream under one key, which never expires and never gives a
 * number twice.
 *
 * @module
 */

import type { Revocation, Revocations } from "./contract.ts";
import { text } from "./redis-replies.ts";
import type { RedisRunner } from "./redis-run.ts";
import type { RedisScript } from "./redis-scripts.ts";
import { SERVER_ID, script } from "./redis-scripts.ts";
import { message } from "./redis-watch.ts";

/** KEYS feed · ARGV now, until, entry, channel, message */
const ADD: RedisScript = script(`
-- A command that needs no memory goes first: a server that is full must take a revocation all the same.
redis.call('PERSIST', KEYS[1])
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 2)) do
  if tonumber(entry[2][2]) <= tonumber(ARGV[1]) then redis.call('XDEL', KEYS[1], entry[1]) end
end
redis.call('XADD', KEYS[1], '*', 'until', ARGV[2], 'entry', ARGV[3])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`);

/**
 * KEYS feed · ARGV number, the server that gave it, count → the number to go on from, this server, 1 when
 * there is more, entries after it
 *
 * A stream never gives a number twice, also when all its entries are gone. But numbers are of the server's
 * clock: the number of one that was lost, with entries that this one never got, may be beyond the last one
 * here, or between two that were given here since. So everything is given to who comes from another server,
 * and from this one before it was started again or was a replica.
 */
const SINCE: RedisScript = script(`
local function split(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local server = ${SERVER_ID}
if redis.call('EXISTS', KEYS[1]) == 0 then return { '0-0', server, 0 } end
local last = '0-0'
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
local ms, sequence = split(ARGV[1])
local lastMs, lastSequence = split(last)
local isBehind = ms < lastMs or (ms == lastMs and sequence <= lastSequence)
local from = isBehind and ARGV[2] == server and '(' .. ARGV[1] or '-'
local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[3])
local isMore = #entries == tonumber(ARGV[3])
local answer = { isMore and entries[#entries][1] or last, server, isMore and 1 or 0 }
for _, entry in ipairs(entries) do answer[#answer + 1] = entry[2][4] end
return answer
`);

/** KEYS feed · ARGV now, the entry after which to go on, count → the last one looked at, or "" at the end */
const SWEEP_FEED: RedisScript = script(`
local entries = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[3])
for _, entry in ipairs(entries) do
  if tonumber(entry[2][2]) <= tonumber(ARGV[1]) then redis.call('XDEL', KEYS[1], entry[1]) end
end
if #entries < tonumber(ARGV[3]) then return '' end
return entries[#entries][1]
`);

/** Every script of the feed. */
export const FEED_SCRIPTS: readonly RedisScript[] = [ADD, SINCE, SWEEP_FEED];

const PAGE = 1000;
// So that no clock that is ahead takes one too early.
const MARGIN = 5 * 60 * 1000;

export interface RedisFeedOptions {
  readonly key: string;
  readonly runner: RedisRunner;
  /** Where additions are published; "" for nowhere. */
  readonly channel: string;
  readonly clock: () => number;
}

export interface RedisFeed extends Revocations {
  /** Removes what is over. */
  sweep(now: number): Promise<void>;
}

/** A feed under a key. Its cursor is the number of the last entry of the stream, and the server that gave it. */
export function redisFeed({ key, runner, channel, clock }: RedisFeedOptions): RedisFeed {
  const { run, confirmed } = runner;
  return {
    async add(revocation) {
      const { kind, id, until } = revocation;
      const told = kind === "everyone" ? message("everything") : message(kind, id);
      const entry = JSON.stringify(revocation);
      const add = () => run(ADD, [key], clock() - MARGIN, until, entry, channel, told);
      await confirmed(key, add);
    },

    async since(cursor) {
      const now = clock();
      const [, from = "0-0", before = ""] = /^(\d+-\d+) (\w+)$/.exec(cursor ?? "") ?? [];
      const reply = (await run(SINCE, [key], from, before, PAGE)) as readonly unknown[];
      const [next, server, more, ...entries] = reply;
      const all = entries.map((entry) => JSON.parse(text(entry)) as Revocation);
      const revocations = all.filter(({ until }) => until > now);
      return { revocations, cursor: `${text(next)} ${text(server)}`, more: Number(more) === 1 };
    },

    async sweep(now) {
      for (let from = "-"; from !== ""; ) {
        const last = text(await run(SWEEP_FEED, [key], now - MARGIN, from, PAGE));
        from = last === "" ? "" : `(${last}`;
      }
    },
  };
}
