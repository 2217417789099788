// @ts-check
/**
 * The section about our stores beside those that people use now.
 *
 * @module
 */

import { COUNTED, TIMED_CASES } from "../parts/peer-stores.mjs";
import { counted, percent, table, us, whole } from "./tables.mjs";

/**
 * @typedef {import("../parts/peer-stores.mjs").PeerStores} PeerStores
 * @typedef {import("../parts/peer-stores.mjs").Group} Group
 * @typedef {import("../parts/peer-stores.mjs").Row} Row
 * @typedef {{ column: string, title: string, of: (row: Row) => number | undefined, show: (value: number) => string, isMoreBetter?: boolean }} Figure
 */

/** @type {Figure[]} */
const AT_REST = [
  ...COUNTED.map(({ id, title }) => ({
    column: title,
    title: `round trips, ${title}`,
    of: (/** @type {Row} */ { roundTrips }) => roundTrips?.[id],
    show: (/** @type {number} */ value) => String(Number(value.toFixed(2))),
  })),
  { column: "bytes each", title: "bytes each", of: ({ bytes }) => bytes, show: whole },
];

/** @type {Figure[]} */
const RACES = [
  {
    column: "fields lost",
    title: "fields lost",
    of: ({ race }) => race.atOnce.median,
    show: whole,
  },
  {
    column: "counts lost",
    title: "counts lost",
    of: ({ race }) => race.counter.median,
    show: whole,
  },
  {
    column: "old cookie works after sign-out",
    title: "old cookie works after sign-out",
    of: ({ race }) => race.comebacks.slowWrite,
    show: whole,
  },
  {
    column: "…after sign-in",
    title: "old cookie works after sign-in",
    of: ({ race }) => race.signIns.oldWorks,
    show: whole,
  },
];

/** @type {Figure[]} */
const SERVED = TIMED_CASES.map(({ id, title }) => ({
  column: title,
  title: `requests per second, ${title}`,
  of: ({ served }) => served.cases[id]?.share,
  show: percent,
  isMoreBetter: true,
}));

/** @type {Figure[]} */
const CPU = /** @type {const} */ ([
  ["app", "addedCpu"],
  ["database", "databaseCpu"],
]).flatMap(([whose, what]) =>
  TIMED_CASES.map(({ id, title }) => ({
    column: `${whose}, ${title}`,
    title: `CPU of the ${whose}, ${title}, µs`,
    of: (/** @type {Row} */ row) =>
      whose === "database" && row.roundTrips === undefined
        ? undefined
        : row.served.cases[id]?.[what],
    show: us,
  })),
);

export function peerStoresSection(/** @type {PeerStores} */ result) {
  const { groups, parallel, repetitions } = result;
  const rows = groups.flatMap((group) => group.rows);
  const places = groups.map(({ kind, says }) => `- **${kind}**: ${says}.`);
  const setups = rows.map(({ name, setup }) => `- **${name}**: ${setup}.`);
  const behind = groups.flatMap(behindIn);
  return `## Stores beside those of express-session

Our stores, and where people keep the sessions of express-session now: both on Express 5, with the same client and
the same session of 287 bytes of JSON, each on a new server of its own on this machine.

${places.join("\n")}

${behind.length === 0 ? "" : `Behind:\n\n${behind.join("\n")}\n\n`}### Round trips and bytes

Round trips of one request, counted by a proxy between app and database, over ${result.counted} requests one after the other. A
sign-in gives a client that has a session a new one, for another user. Bytes each: what the server's memory, its tables
and indexes, the blocks of the files, or the heap grew by for each of ${whole(result.sessions)} sessions of as many users, with as
many there before.

${tableOf(AT_REST, rows)}

coatcheck also reads the feed of revocations, beside a load and at most once in half the \`revocationDelay\`, and writes at most one
touch of a session in each touch interval. express-session touches its store with every request that changes nothing.

### Lost updates and comebacks

**Lost**: ${parallel} requests go out at once with one cookie, and each sets a field of its own; how many are missing? And when
each adds one to a counter after 10 ms of other work (with coatcheck by \`update\`), how much does it lack? Medians of ${repetitions}.
**Old cookie works**: a request that changes the session is under way, the client signs out or in as another user and is
told so, then the request ends. Out of ${repetitions} times, does the cookie of before open anything?

${tableOf(RACES, rows)}

### Throughput and CPU

Requests per second over loopback, and the share of the bare framework's that this is. Client: ${result.client}, ${result.connections} connections,
${counted(result.rounds, "round")} of ${result.seconds} s after one to warm up, interleaved with the bare framework. Client, app and database share the machine,
so shares say more than rates.

${ratesTable(rows)}

CPU per request in microseconds: what the app's process takes above the bare framework's, and what the database's
processes take.

${tableOf(CPU, rows)}

### How each store was set up

${setups.join("\n")}`;
}

function tableOf(/** @type {readonly Figure[]} */ figures, /** @type {readonly Row[]} */ rows) {
  const body = rows.map((row) => [
    row.name,
    ...figures.map(({ of, show }) => {
      const value = of(row);
      return value === undefined ? "–" : show(value);
    }),
  ]);
  return table(["store", ...figures.map(({ column }) => `${column}:`)], body);
}

function ratesTable(/** @type {readonly Row[]} */ rows) {
  const body = rows.map(({ name, served }) => [
    name,
    whole(served.bare.perSecond),
    ...TIMED_CASES.map(({ id }) => {
      const { perSecond = Number.NaN, share = Number.NaN } = served.cases[id] ?? {};
      return `${whole(perSecond)} (${percent(share)})`;
    }),
  ]);
  return table(["store", "bare:", ...TIMED_CASES.map(({ title }) => `${title}:`)], body);
}

/** Every figure in which ours is not as good as theirs, as far as it is shown. */
function behindIn(/** @type {Group} */ { rows: [ours, ...theirs] }) {
  if (ours === undefined) return [];
  return theirs.flatMap((peer) =>
    [...AT_REST, ...RACES, ...SERVED, ...CPU].flatMap(({ title, of, show, isMoreBetter }) => {
      const [mine, other] = [of(ours), of(peer)];
      if (mine === undefined || other === undefined || show(mine) === show(other)) return [];
      if (isMoreBetter ? mine > other : mine < other) return [];
      return [`- ${ours.name} beside ${peer.name}, ${title}: ${show(mine)} against ${show(other)}`];
    }),
  );
}
