// @ts-check
/**
 * The figures of `docs/scaling.md`: what was measured, and what follows from it. Each stands between two
 * marks of its name; the words around them are written by hand.
 *
 * @module
 */

import {
  assumptions,
  cacheCheck,
  cacheRoom,
  cacheRows,
  limitRows,
  sizeRows,
} from "./scaling-model.mjs";
import { counted, percent, table, us, whole } from "./tables.mjs";

/**
 * @typedef {import("../harness/machine.mjs").Circumstances} Circumstances
 * @typedef {import("../parts/scale.mjs").Server} Server
 * @typedef {import("../parts/fleet.mjs").Fleet} Fleet
 */

/** The page with the figures of these results; those of parts that were never run stay as they are. */
export function scaled(
  /** @type {string} */ page,
  /** @type {Record<string, any>} */ results,
  /** @type {Record<string, Circumstances>} */ circumstances,
) {
  const sections = { ...figures(results), where: where(circumstances) };
  return Object.entries(sections).reduce((text, [name, section]) => {
    const [begin, end] = [`<!-- figures: ${name} -->\n`, `\n<!-- /figures: ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/scaling.md has no marks of ${name}`);
    return `${text.slice(0, from + begin.length)}\n${section}\n${text.slice(to)}`;
  }, page);
}

/** The same tables for the terminal. */
export function scalingSummary(/** @type {Record<string, any>} */ results) {
  return Object.entries(figures(results))
    .map(([name, section]) => `## ${name}\n\n${section}\n`)
    .join("\n");
}

/** @returns {Record<string, string>} */
function figures(/** @type {Record<string, any>} */ results) {
  const { redis, postgres, fleet } = results;
  const servers = redis && postgres && { servers: serversTable(redis, postgres) };
  const calls = redis && postgres && { calls: callsTable(redis, postgres) };
  const reckoned = servers && fleet && reckonedTables({ redis, postgres, fleet });
  return { ...servers, ...calls, ...(fleet && { fleet: fleetTable(fleet) }), ...reckoned };
}

function serversTable(/** @type {Server} */ redis, /** @type {Server} */ postgres) {
  const ms = (/** @type {number} */ value) =>
    value < 10 ? value.toFixed(value < 1 ? 2 : 1) : whole(value);
  const trips = (/** @type {number} */ count) =>
    `${whole(count)} round trip${count === 1 ? "" : "s"}`;
  /** @type {[string, (server: Server) => string][]} */
  const rows = [
    ["bytes for each session, with what finds it", (one) => whole(one.bytes)],
    [
      "…resident in the process; in the table without its indexes",
      (one) => whole(one.resident ?? one.table ?? Number.NaN),
    ],
    [
      "filled by one process, sessions per second (PostgreSQL: the first tenth)",
      ({ filled, inFlight }) => `${whole(filled.perSecond)}, ${inFlight} under way`,
    ],
    [
      "a sweep that finds nothing",
      ({ idleSweep }) => `${ms(idleSweep.seconds * 1000)} ms, ${trips(idleSweep.calls)}`,
    ],
    ["…the longest of these, ms", ({ idleSweep }) => ms(idleSweep.longestMs)],
    [
      "a sweep of 10 000 that are over",
      ({ sweep }) => `${ms(sweep.seconds * 1000)} ms, ${trips(sweep.calls)}`,
    ],
    ["…the longest of these, ms", ({ sweep }) => ms(sweep.longestMs)],
    [
      "`list` of a user with 10 devices",
      ({ list10 }) => `${ms(list10.ms)} ms, ${trips(list10.calls)}`,
    ],
    ["…with 1 000", ({ list1000 }) => `${ms(list1000.ms)} ms, ${trips(list1000.calls)}`],
    [
      "the cut-off of a user with 1 000 sessions",
      ({ cutOff }) => `${ms(cutOff.ms)} ms, ${trips(cutOff.calls)}`,
    ],
    [
      "a read of such a session before and after it, µs",
      ({ readBefore, readAfter }) => `${whole(readBefore.p50Us)}, ${whole(readAfter.p50Us)}`,
    ],
    ["`revokeUser`: all 1 000 are over after", ({ revoked }) => `${ms(revoked.overMs)} ms`],
    [
      "…and closed, which frees their data, after",
      ({ revoked }) => `${ms(revoked.ms)} ms, ${trips(revoked.calls)}`,
    ],
    [
      "a process that starts reads the feed, for each entry",
      ({ feed }) => `${us((feed.ms * 1000) / feed.entries)} µs, of ${whole(feed.entries)}`,
    ],
    ["…and holds of each, in bytes", ({ feed }) => whole(feed.heapBytes)],
    ["an entry is added every, µs", ({ feed }) => whole(feed.addUs)],
  ];
  const count = whole(redis.many.count);
  return `${count} sessions of ${whole(redis.bodyBytes)} characters; of ten users seven have one, two have two and one has five.
${redis.version} (${redis.settings}); ${postgres.version} (${postgres.settings}, else its defaults).

${table(
  ["", "Redis:", "PostgreSQL:"],
  rows.map(([what, of]) => [what, of(redis), of(postgres)]),
)}

A \`VACUUM (ANALYZE)\` of all and a checkpoint after the fill took PostgreSQL ${postgres.settled.seconds.toFixed(1)} s.`;
}

function callsTable(/** @type {Server} */ redis, /** @type {Server} */ postgres) {
  const rows = Object.entries({ Redis: redis, PostgreSQL: postgres }).flatMap(([name, server]) =>
    /** @type {const} */ (["load", "update", "touch"]).map((verb) => {
      const [few, many] = [server.few.verbs[verb], server.many.verbs[verb]];
      const apart = (server.apart ?? server.many.verbs)[verb];
      return [
        `${name}, \`${verb}\``,
        `${whole(few.p50Us)} / ${whole(few.p99Us)}`,
        `${whole(many.p50Us)} / ${whole(many.p99Us)}`,
        whole(apart.perSecond),
        us(apart.serverUs),
        us(apart.clientUs),
        whole(apart.sent),
        whole(apart.received),
        many.logged === undefined ? "–" : `${whole(few.logged ?? 0)} / ${whole(many.logged)}`,
      ];
    }),
  );
  const head = [
    "",
    `p50 / p99 at ${whole(redis.few.count)}, µs:`,
    `at ${whole(redis.many.count)}:`,
    "calls/s:",
    "server CPU, µs:",
    "client CPU, µs:",
    "bytes sent:",
    "received:",
    "log:",
  ];
  return table(head, rows);
}

function fleetTable(/** @type {Fleet} */ fleet) {
  const { rows, telling, processes, sessions, client, connections, seconds, rounds } = fleet;
  const caches = { none: "", timed: ", `cached`", watched: ", `cached`, `watch`" };
  const body = rows.flatMap(({ primaries, cache, sticky, cases }) =>
    Object.entries(cases).map(([id, one]) => [
      `${primaries === 1 ? "one Redis" : "three primaries"}${caches[cache]}${sticky ? ", a session's requests to one process" : ""}`,
      id,
      whole(one.perSecond),
      us(one.appUs),
      us(one.redisUs),
      us(one.clientUs),
      one.commands.toFixed(2),
      percent(one.busy),
      percent(one.busiestPrimary),
    ]),
  );
  const head = [
    "",
    "request",
    "requests/s:",
    "app CPU, µs:",
    "Redis CPU, µs:",
    "client CPU, µs:",
    "round trips:",
    "machine busy:",
    "busiest primary:",
  ];
  const { measured, reckoned, n } = cacheCheck(fleet);
  return `${processes} processes with \`node:http\` and node-redis, ${whole(sessions)} sessions; ${client}, ${connections} connections, ${counted(rounds, "round")} of ${seconds} s, and with
a cache one of 20 s, each after one to warm up.

${table(head, body)}

With \`cached\` a process saw each session ${n.toFixed(1)} times in ten seconds: by 1 ÷ n there should be ${reckoned.toFixed(2)} loads for each
read, and there were ${measured.toFixed(2)}. To tell of a change takes Redis ${us(telling.publishUs)} µs, and ${us(telling.deliverUs)} µs for each process that hears it,
which takes that process ${us(telling.hearUs)} µs.`;
}

function reckonedTables(/** @type {import("./scaling-model.mjs").Measured} */ measured) {
  const { remembered, inUse } = cacheRoom(measured);
  const cacheHead = ["requests of one session go", "n:", "p:", "loads left:", "Redis primaries:"];
  return {
    assumptions: table(["", "", ":"], assumptions()),
    size: table(["what", "formula", "result:"], sizeRows(measured)),
    cache: `${table(cacheHead, cacheRows(measured))}

A cache of the default size remembers ${whole(remembered)} of these sessions, and R × e ÷ processes = ${whole(inUse)} are in use in
one process when each session always comes to the same one.`,
    limits: table(["what", "formula", "result:"], limitRows(measured)),
  };
}

function where(/** @type {Record<string, Circumstances>} */ circumstances) {
  const body = Object.entries(circumstances).map(
    ([part, { length, date, node, commit, load, machine }]) => [
      part,
      length,
      date,
      node,
      commit,
      String(load),
      machine,
    ],
  );
  return table(["part", "run", "date", "Node", "commit", "load before:", "machine"], body);
}
