/**
 * What a Redis store does on the server: one Lua script for each verb, each of them one atomic step.
 *
 * Everything that shares a home lies under one key: all sessions of a user and the user's cut-off. So a
 * script needs one key, which a cluster moves as a whole, an eviction takes as a whole, and which names
 * no user. What lies there has one of two types:
 *
 * ```
 * a string   rest 16 ‖ session                        the only session of its home: the common case
 * a hash     rest 16 → session, ":" user → cut-off    several sessions, or a cut-off
 *
 * session    version 1 ‖ revision 4 ‖ mark 8 ‖ last seen 8 ‖ expires 8 ‖ closed 1 ‖ length of user 2 ‖ user ‖ body
 * cut-off    moment 8 ‖ keep until 8
 * ```
 *
 * `rest` is an id without its home. Numbers are big-endian, moments doubles, texts UTF-8.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** A script and the name under which a server that has run it knows it. */
export interface RedisScript {
  readonly text: string;
  /** SHA-1, in hexadecimal. */
  readonly sha: string;
}

/** Puts a script together. */
export function script(...parts: readonly string[]): RedisScript {
  const text = parts.map((part) => part.trim()).join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/**
 * What tells a primary from every other, from itself after a restart, and from itself before it was a replica for a
 * while: with each promotion it has another history. A service may not tell it.
 */
export const SERVER_ID = `(
  (string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown') .. '_' ..
  (string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or 'unknown')
)`;

const SESSIONS = `
local FORMAT = '>BI4dddBI2'

local function decode(text)
  local version, revision, mark, seen, expires, closed, length, at = struct.unpack(FORMAT, text)
  if version ~= 1 then error('coatcheck: a session was written by a later version') end
  return {
    revision = revision, mark = mark, seen = seen, expires = expires, closed = closed,
    user = string.sub(text, at, at + length - 1), body = string.sub(text, at + length)
  }
end

local function encode(s)
  return struct.pack(FORMAT, 1, s.revision, s.mark, s.seen, s.expires, s.closed, #s.user) .. s.user .. s.body
end

local function typeOf(key) return redis.call('TYPE', key).ok end

local function find(key, rest)
  local kind = typeOf(key)
  if kind == 'none' then return nil, kind end
  if kind == 'hash' then
    local text = redis.call('HGET', key, rest)
    return text and decode(text) or nil, kind
  end
  local text = redis.call('GET', key)
  if string.sub(text, 1, 16) ~= rest then return nil, kind end
  return decode(string.sub(text, 17)), kind
end

local function cutOffOf(key, kind, user)
  if user == '' or kind ~= 'hash' then return 0, 0 end
  local text = redis.call('HGET', key, ':' .. user)
  if not text then return 0, 0 end
  return struct.unpack('>dd', text)
end

local function number(value) return string.format('%.17g', value) end

local function head(s, cutOff)
  return table.concat({
    number(s.revision), number(s.mark), number(s.seen), number(s.expires), number(s.closed), number(cutOff)
  }, ' ')
end
`;

const WRITING = `
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

-- A server that is out of memory refuses the first command that may need some. It lets a script go on
-- that has begun to write, and so what ends sessions begins with a command that needs none.
local function begin(key, ms)
  redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), ms))
end

-- At once with the time that it is to have: with what is left of a key in its last millisecond it would be gone, and
-- what is added with it.
local function toHash(key, ms, ...)
  local left = redis.call('PTTL', key)
  local text = redis.call('GET', key)
  redis.call('DEL', key)
  redis.call('HSET', key, string.sub(text, 1, 16), string.sub(text, 17), ...)
  redis.call('PEXPIRE', key, math.max(left, ms))
end

-- A hash with a single session in it takes more room than a string.
local function settle(key)
  if redis.call('HLEN', key) ~= 1 then return end
  local all = redis.call('HGETALL', key)
  if string.sub(all[1], 1, 1) == ':' then return end
  local left = redis.call('PTTL', key)
  redis.call('DEL', key)
  redis.call('SET', key, all[1] .. all[2])
  -- None where a copy was put back without its time, and nothing in its last millisecond.
  if left >= 0 then redis.call('PEXPIRE', key, math.max(left, 1)) end
end

local function put(key, kind, rest, s, ms)
  local text = encode(s)
  if kind == 'hash' then
    redis.call('HSET', key, rest, text)
    keep(key, ms)
  elseif kind == 'string' and redis.call('GETRANGE', key, 0, 15) ~= rest then
    toHash(key, ms, rest, text)
  else
    redis.call('SET', key, rest .. text, 'PX', ms)
  end
end

local function isOver(field, text, now)
  if string.sub(field, 1, 1) == ':' then
    local _, keepUntil = struct.unpack('>dd', text)
    return keepUntil <= now
  end
  return decode(text).expires <= now
end

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function tell(channel, message)
  if channel ~= '' then redis.call('PUBLISH', channel, message) end
end
`;

/** KEYS home · ARGV rest → the head, the user and the body of a session; nil when it is absent. */
export const LOAD: RedisScript = script(
  SESSIONS,
  `
local s, kind = find(KEYS[1], ARGV[1])
if not s then return nil end
return { head(s, cutOffOf(KEYS[1], kind, s.user)), s.user, s.body }
`,
);

/** KEYS home · ARGV rest, started ago, seen, expires, closed, user, body, lifetime, over before */
export const CREATE: RedisScript = script(
  SESSIONS,
  WRITING,
  `
local key, rest, user = KEYS[1], ARGV[1], ARGV[6]
local there, kind = find(key, rest)
if there then return 'taken' end
local mark = 0
if user ~= '' then
  mark = clock() - tonumber(ARGV[2])
  if mark <= cutOffOf(key, kind, user) then return 'cut-off' end
end
-- What makes a hash of a string begins with a command that a full server allows; this one it refuses.
if kind == 'string' then redis.call('APPEND', key, '') end
put(key, kind, rest, {
  revision = 1, mark = mark, seen = tonumber(ARGV[3]), expires = tonumber(ARGV[4]),
  closed = tonumber(ARGV[5]), user = user, body = ARGV[7]
}, tonumber(ARGV[8]))
-- Who signs in again and again leaves what is over behind, under a key that does not expire. Each new
-- session looks at a few of the others, so that they can't pile up even where nobody sweeps.
if kind == 'hash' then
  local some = redis.call('HRANDFIELD', key, 4, 'WITHVALUES')
  for i = 1, #some, 2 do
    if some[i] ~= rest and isOver(some[i], some[i + 1], tonumber(ARGV[9])) then
      redis.call('HDEL', key, some[i])
    end
  end
  settle(key)
end
return 'created'
`,
);

/**
 * KEYS home · ARGV rest, revision, seen, expires, close, body, now, lifetime, channel, message → 1 when it
 * was done, 2 when it was to be closed and is closed already
 */
export const UPDATE: RedisScript = script(
  SESSIONS,
  WRITING,
  `
local key, rest, close, ms = KEYS[1], ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[8])
local s, kind = find(key, rest)
-- Closed by the very same command, maybe, sent once more: replicas that confirm a write after that one have it.
if close == 1 and s and s.closed == 1 then
  begin(key, ms)
  return 2
end
if not s or s.closed == 1 or s.expires <= tonumber(ARGV[7]) then return 0 end
if s.revision ~= tonumber(ARGV[2]) then return 0 end
if close == 1 then
  begin(key, ms)
  s.user = ''
end
s.revision = s.revision + 1
s.seen = math.max(s.seen, tonumber(ARGV[3]))
s.expires = tonumber(ARGV[4])
s.closed = close
s.body = ARGV[6]
put(key, kind, rest, s, ms)
tell(ARGV[9], ARGV[10])
return 1
`,
);

/** KEYS home · ARGV rest, seen, expires, now, lifetime */
export const TOUCH: RedisScript = script(
  SESSIONS,
  WRITING,
  `
local key, rest, ms = KEYS[1], ARGV[1], tonumber(ARGV[5])
local s, kind = find(key, rest)
if not s or s.closed == 1 or s.expires <= tonumber(ARGV[4]) then return 0 end
s.seen = math.max(s.seen, tonumber(ARGV[2]))
s.expires = math.max(s.expires, tonumber(ARGV[3]))
begin(key, ms)
if kind == 'hash' then
  redis.call('HSET', key, rest, encode(s))
else
  -- Only the two moments, so that a replica and a log get 16 bytes and not the body.
  redis.call('SETRANGE', key, 29, struct.pack('>dd', s.seen, s.expires))
end
return 1
`,
);

/** KEYS home · ARGV user, rest of the excepted session or "", keep until, now, lifetime, channel, message → the cut-off */
export const CUT_OFF: RedisScript = script(
  SESSIONS,
  WRITING,
  `
local key, user, rest, now = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
begin(key, tonumber(ARGV[5]))
local kind = typeOf(key)
if kind == 'string' then
  toHash(key, tonumber(ARGV[5]))
  kind = 'hash'
end
local before, keptUntil = cutOffOf(key, kind, user)
local at = math.max(clock(), before + 1)
redis.call('HSET', key, ':' .. user, struct.pack('>dd', at, math.max(keptUntil, tonumber(ARGV[3]))))
keep(key, tonumber(ARGV[5]))
if rest ~= '' then
  local s = find(key, rest)
  if s and s.closed == 0 and s.expires > now and s.user == user and s.mark > before then
    s.mark = math.max(s.mark, at + 1)
    redis.call('HSET', key, rest, encode(s))
  end
end
tell(ARGV[6], ARGV[7])
return number(at)
`,
);

/**
 * KEYS homes · ARGV now, limit, user or "", the rest after which to go on with the first home or ""
 *
 * → for each home: whether there are more, and then rest, head, user and body of each live session above
 * its cut-off, sorted by rest.
 */
export const LIST: RedisScript = script(
  SESSIONS,
  `
local now, limit, user = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local function page(key, after)
  local kind = typeOf(key)
  local rests = {}
  if kind == 'string' then
    rests = { redis.call('GETRANGE', key, 0, 15) }
  elseif kind == 'hash' then
    rests = redis.call('HKEYS', key)
    table.sort(rests)
  end
  local found, count = { 0 }, 0
  for _, rest in ipairs(rests) do
    if rest > after and string.sub(rest, 1, 1) ~= ':' then
      local s = find(key, rest)
      local live = s.closed == 0 and s.expires > now and (user == '' or s.user == user)
      if live and (s.user == '' or s.mark > cutOffOf(key, kind, s.user)) then
        if count == limit then
          found[1] = 1
          break
        end
        count = count + 1
        for _, value in ipairs({ rest, head(s, 0), s.user, s.body }) do found[#found + 1] = value end
      end
    end
  end
  return found
end

local pages = {}
for i, key in ipairs(KEYS) do pages[i] = page(key, i == 1 and ARGV[4] or '') end
return pages
`,
);

/** KEYS homes · ARGV now, limit → how many sessions and cut-offs whose time is over were removed */
export const SWEEP: RedisScript = script(
  SESSIONS,
  WRITING,
  `
local now, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local removed = 0
for _, key in ipairs(KEYS) do
  if removed == limit then break end
  local kind = typeOf(key)
  if kind == 'string' then
    if isOver('', redis.call('GETRANGE', key, 16, 47), now) then
      redis.call('DEL', key)
      removed = removed + 1
    end
  elseif kind == 'hash' then
    local before = removed
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if removed == limit then break end
      if isOver(all[i], all[i + 1], now) then
        redis.call('HDEL', key, all[i])
        removed = removed + 1
      end
    end
    if removed > before then settle(key) end
  end
end
return removed
`,
);

/** KEYS the key of homes · ARGV a random one → the one that is kept, and 1 when it is this one now. */
export const HOME: RedisScript = script(`
local there = redis.call('GET', KEYS[1])
if there then return { there, 0 } end
redis.call('SET', KEYS[1], ARGV[1])
return { ARGV[1], 1 }
`);

/** KEYS the channel, which a cluster takes for a key · ARGV what is published */
export const PUBLISH: RedisScript = script(`return redis.call('PUBLISH', KEYS[1], ARGV[1])`);

/** KEYS any → what tells the primary that has it from every other */
export const SERVER: RedisScript = script(`return ${SERVER_ID}`);

/** Every script of the verbs. */
export const VERB_SCRIPTS: readonly RedisScript[] = [
  ...[LOAD, CREATE, UPDATE, TOUCH, CUT_OFF, LIST, SWEEP, HOME, PUBLISH, SERVER],
];
