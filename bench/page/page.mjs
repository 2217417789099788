// @ts-check
/**
 * `docs/benchmarks.md`, made of the results of runs and nothing else.
 *
 * @module
 */

import { CASES } from "../fixture.mjs";
import { costOf, goals, NOISE_US, ourCounterpart, rowOf } from "./goals.mjs";
import { peerStoresSection } from "./peer-stores.mjs";
import { counted, percent, table, times, us, whole } from "./tables.mjs";

/**
 * @typedef {import("../harness/machine.mjs").Circumstances} Circumstances
 * @typedef {Record<string, any>} Results by part
 */

const FRAMEWORKS = {
  node: "node:http",
  express: "Express 5",
  fastify: "Fastify 5",
  koa: "Koa 3",
  hono: "Hono 4 on Node",
  h3: "h3 2",
};

/** The whole page. */
export function page(
  /** @type {Results} */ results,
  /** @type {Record<string, Circumstances>} */ circumstances,
) {
  const sections = [
    INTRODUCTION,
    ...section(results["requests"] && goals(results), goalsSection),
    ...section(results["requests"], requestsSection),
    ...section(results["loopback"], loopbackSection),
    ...section(results["races"], racesSection),
    ...section(results["peer-stores"], peerStoresSection),
    ...section(results["calls"], callsSection),
    ...section(results["memory"], memorySection),
    ...section(results["lmdb"], lmdbSection),
    ...section(results["primitives"], primitivesSection),
    ...section(results["requests"], setupSection),
    circumstancesSection(circumstances),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** The same tables for the terminal. */
export function summary(/** @type {Results} */ results) {
  const whole = page(results, {});
  return whole.slice(whole.indexOf("## "));
}

/** @template Result @returns {string[]} */
function section(
  /** @type {Result | undefined} */ result,
  /** @type {(result: any) => string} */ write,
) {
  return result === undefined ? [] : [write(result)];
}

const INTRODUCTION = `# Benchmarks

<!-- Written by \`npm run bench\`. Figures come from runs only; do not edit. -->

What coatcheck adds to a request, beside other libraries, the bare framework, and what one would write by
hand. \`npm run bench\` measures all of it again, but for ten million sessions (\`--large\`), and writes this page;
\`npm run bench -- --quick\` prints a short run.

![CPU that each library adds to a request](benchmarks.svg)`;

function goalsSection(/** @type {import("./goals.mjs").Goal[]} */ list) {
  const rows = list.map(({ goal, wanted, measured, met }) => [
    goal,
    wanted,
    measured,
    met ? "yes" : "**no**",
  ]);
  const behind = list.flatMap(({ unmet = [] }) => unmet.map((one) => `- ${one}`));
  return `## Goals

On \`node:http\` with the memory store, CPU over the bare framework.

${table(["goal", "wanted", "measured", "met"], rows)}${behind.length === 0 ? "" : `\n\nBehind:\n\n${behind.join("\n")}`}`;
}

function requestsSection(
  /** @type {import("../parts/requests.mjs").Requests} */ { rows, passes, rounds },
) {
  const tables = Object.entries(FRAMEWORKS).flatMap(([framework, name]) => {
    const mine = rows.filter((row) => row.framework === framework && row.library !== "bare");
    if (mine.length === 0) return [];
    const control = rowOf(rows, "bare", framework);
    const bare = mine[0] === undefined ? 0 : costOf(mine[0], "none").bare;
    const noise = control && CASES.map(({ id }) => Math.abs(costOf(control, id).cpu.median));
    const text =
      noise === undefined
        ? ""
        : `, which against itself differs by up to ${Math.max(...noise).toFixed(1)} µs`;
    const body = mine.map((row) => [
      row.name,
      row.keeps,
      ...CASES.map(({ id }) => requestCell(rows, row, id)),
      whole(row.cookieBytes),
    ]);
    const head = ["library", "keeps", ...CASES.map(({ title }) => `${title}:`), "cookie, bytes:"];
    return [
      `### ${name}\n\nThe bare framework takes ${us(bare)} µs${text}.\n\n${table(head, body)}`,
    ];
  });
  const cases = CASES.map(({ title, says }) => `- **${title}**: ${says}.`).join("\n");
  return `## CPU per request

How many times coatcheck's own, on the same framework (stored beside stored; sealed beside sealed and
signed, for which the data is in the cookie), and in brackets the microseconds of CPU that the library adds
to the bare framework. Where coatcheck adds less than ${NOISE_US} µs there is no ratio.

${cases}

In process: real requests and responses on sockets that swallow what is written, 16 under way, 256
sessions of 287 bytes of JSON in turn where a row does not say more; each library in a process of its own beside its bare framework,
alternating; medians of ${counted(passes, "pass", "passes")} of ${counted(rounds, "round")}.

${tables.join("\n\n")}`;
}

function requestCell(
  /** @type {readonly import("../parts/requests.mjs").Row[]} */ rows,
  /** @type {import("../parts/requests.mjs").Row} */ row,
  /** @type {string} */ id,
) {
  const added = costOf(row, id).cpu.median;
  const mine = ourCounterpart(rows, row);
  const ours = mine && costOf(mine, id).cpu.median;
  if (ours === undefined || ours < NOISE_US || added < NOISE_US) return us(added);
  return `${times(added / ours)} (${us(added)})`;
}

function loopbackSection(
  /** @type {import("../parts/loopback.mjs").Loopback} */ {
    rows,
    client,
    connections,
    seconds,
    rounds,
  },
) {
  const body = rows.map((row) => [
    row.name,
    FRAMEWORKS[/** @type {"node"} */ (row.framework)],
    whole(row.bare.perSecond),
    ...CASES.map(({ id }) => {
      const { share, addedCpu } = row.cases[id] ?? { share: 0, addedCpu: 0 };
      return `${percent(share)} (${us(addedCpu)})`;
    }),
  ]);
  const head = [
    "library",
    "framework",
    "bare, requests/s:",
    ...CASES.map(({ title }) => `${title}:`),
  ];
  return `## Requests per second

Over loopback, the share of the bare framework's requests per second that is left, and in brackets the
server's added CPU per request in microseconds. Client: ${client} in a process of its own, ${connections}
connections, ${counted(rounds, "round")} of ${seconds} s after one to warm up, interleaved. Client and server share
the machine, so shares say more than rates.

${table(head, body)}`;
}

function racesSection(
  /** @type {import("../parts/races.mjs").Races} */ { rows, parallel, repetitions },
) {
  const body = rows.map(({ name, atOnce, after10ms, counter, comebacks, signIns }) => [
    name,
    ...[atOnce, after10ms, counter].map(({ median }) => whole(median)),
    ...[
      comebacks.ended,
      comebacks.slowWrite,
      comebacks.slowRead,
      comebacks.untouched,
      comebacks.browser,
    ].map(String),
    String(signIns.undone),
    String(signIns.oldWorks),
  ]);
  const head = [
    "library",
    "fields lost:",
    "…with 10 ms work:",
    "counts lost:",
    "old cookie works after sign-out:",
    "…after a slow write:",
    "…a slow read:",
    "…a slow request that does not look:",
    "browser signed in again:",
    "sign-in undone:",
    "old cookie works after sign-in:",
  ];
  return `## Parallel requests of one client

**Lost**: ${parallel} requests go out at once with one cookie, and each sets a field of its own, at once or after 10
ms of other work; how many of the ${parallel} fields are missing? And when each adds one to a counter (with
coatcheck by \`update\`), how much does it lack? Medians of ${repetitions}. One after the other, nothing is lost by any library.

**Back**: a request is under way, the client signs out and is told so, then the request ends. Out of ${repetitions} times: does
the cookie of before the sign-out work right after it, and after the slow request; is the browser, with
whatever cookies it was sent, signed in again? And with a sign-in as another user in the place of the
sign-out: is the browser not signed in as that user any more, and does the cookie of before open anything?

${table(head, body)}

Zeros of libraries that hand one live object to all requests of a process (hono-sessions' and @fastify/session's
own memory stores) are gone with any store that serialises, as the rows beside them show. Sealed sessions share no state,
so of two crossing responses the later one wins: that is what a stored session is for.`;
}

function callsSection(
  /** @type {Record<string, { calls: Record<string, number>, cookies: number }>} */ results,
) {
  const body = Object.entries(results).map(([name, { calls, cookies }]) => [
    name,
    Object.entries(calls)
      .map(([verb, n]) => `${n} ${verb}`)
      .join(", ") || "none",
    String(cookies),
  ]);
  return `## Store calls and cookies

Counted, per request of coatcheck.

${table(["method and case", "store calls", "cookies set:"], body)}`;
}

function memorySection(/** @type {import("../parts/scale.mjs").Memory} */ { rows }) {
  const names = {
    coatcheck: "coatcheck, memoryStore",
    "map-of-json": "a Map of JSON, by hand",
    "express-session": "express-session, MemoryStore",
    memorystore: "express-session, memorystore",
  };
  const phase = (/** @type {import("../parts/scale.mjs").Phase | undefined} */ one) =>
    one === undefined ? "–" : `${whole(one.longestBlockMs)} (${one.seconds.toFixed(1)} s)`;
  const body = rows.map((row) => [
    names[/** @type {"coatcheck"} */ (row.kind)],
    whole(row.count),
    whole(row.heapBytes + row.externalBytes),
    whole(row.residentBytes),
    us(row.readUs),
    phase(row.stored),
    phase(row.listed),
    phase(row.expired),
    row.idleSweep === undefined ? "–" : us(row.idleSweep),
  ]);
  const head = [
    "store",
    "sessions:",
    "bytes each:",
    "resident bytes each:",
    "read, µs:",
    "storing, longest block, ms:",
    "listing, ms:",
    "ending all, ms:",
    "sweep that finds nothing, µs:",
  ];
  return `## Many sessions in memory

Sessions of 287 bytes of JSON; coatcheck's are of a signed-in user with a device, stored through the whole core. Bytes
each: heap and external memory after a full collection. Longest block: how long the event loop stood still at
most, the garbage collector's pauses included, and in brackets how long the whole took.

${table(head, body)}`;
}

function lmdbSection(/** @type {import("../parts/scale.mjs").Lmdb} */ { steps, reopenMs }) {
  const body = steps.map((step) => [
    whole(step.count),
    whole(step.bytes / step.count),
    ...[
      "create",
      "load",
      "update",
      "touch",
      "updateAlone",
      "listUser",
      "listPage",
      "idleSweep",
    ].map((what) => us(/** @type {any} */ (step)[what].wallUs)),
    whole(step.residentBytes / 2 ** 20),
    whole(step.longestBlockMs),
  ]);
  const head = [
    "sessions:",
    "bytes each:",
    "create, µs:",
    "load:",
    "update:",
    "touch:",
    "update, alone:",
    "list a user's:",
    "list 100:",
    "sweep that finds nothing:",
    "resident, MiB:",
    "longest block while storing, ms:",
  ];
  return `## LMDB

One file that grows. Microseconds of wall time each. Writes are on the disk before they are acknowledged; 64 are under way
but for "alone", where each waits for the one before. Sessions of 287 bytes of JSON, signed in, with a device, stored through
the whole core; reads at random places. Opening the file at the end and reading one session: ${us(reopenMs)} ms.

${table(head, body)}`;
}

function primitivesSection(/** @type {import("../parts/primitives.mjs").Primitives} */ { rows }) {
  const body = rows.map(({ name, ns }) => [
    name,
    whole(ns.median),
    `${whole(ns.low)}–${whole(ns.high)}`,
  ]);
  return `## Parts of a request

Alone in a loop, in nanoseconds of CPU.

${table(["operation", "median:", "quartiles:"], body)}`;
}

function setupSection(/** @type {import("../parts/requests.mjs").Requests} */ { rows }) {
  const seen = new Map(rows.map(({ name, setup }) => [name, setup]));
  const list = [...seen].map(([name, setup]) => `- **${name}**: ${setup}.`);
  return `## How each library was set up

Each as its own documentation recommends. All keep the same session and are told the same lifetime of one day, but for
coatcheck, which keeps its defaults.

${list.join("\n")}`;
}

function circumstancesSection(/** @type {Record<string, Circumstances>} */ circumstances) {
  const body = Object.entries(circumstances).map(
    ([part, { date, node, commit, load, machine, versions, length }]) => [
      part,
      length,
      date,
      node,
      commit,
      String(load),
      machine,
      versions,
    ],
  );
  if (body.length === 0) return "";
  const versions = new Set(body.flatMap((row) => row[7]?.split(", ") ?? []));
  return `## Where and when

${table(
  ["part", "run", "date", "Node", "commit", "load before:", "machine"],
  body.map((row) => row.slice(0, 7)),
)}

Versions: ${[...versions].sort().join(", ")}.`;
}
