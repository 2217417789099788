// @ts-check
/**
 * Makes the tables of `docs/stores/README.md`: what the conformance tests have just shown of each store, and
 * what `npm run bench -- --only stores` has measured.
 *
 *   npm run stores:table              runs those tests, then writes the tables
 *   npm run stores:table -- --kept    of what an earlier run has shown, such as that of `npm test`
 *
 * The Cloudflare stores are tried by `npm run test:runtimes`, which is to be run before.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

/** @typedef {import("../test/support/store-records.ts").SuiteRecord} Suite */
/** @typedef {import("../test/support/store-records.ts").TripsRecord} Trips */
/** @typedef {{ inFlight: number, perSecond: number, bare: number, ratio: number }} Compared */
/** @typedef {{ kind: string, says: string, bytes: number, bareBytes?: number, bodyBytes: number, sessions: number, read: Compared[], write: Compared[] }} Measured */

const folder = ".tmp/store-table";
const page = "docs/stores/README.md";
const bench = "bench/results/stores.json";
const [begin, end] = ["<!-- stores:table -->", "<!-- /stores:table -->"];

/** The rows: the page, the name in the bench, and whether `forgets` is for the app to say. */
const STORES = [
  { name: "memory" },
  { name: "lmdb" },
  { name: "sqlite" },
  { name: "file" },
  { name: "redis", forgets: "by option" },
  { name: "redis, cluster", page: "redis", forgets: "by option" },
  { name: "postgres" },
  { name: "mysql" },
  { name: "memcached" },
  { name: "cloudflare-d1", page: "cloudflare" },
  { name: "cloudflare-do", page: "cloudflare" },
  { name: "keyv", forgets: "by option" },
  { name: "unstorage", forgets: "by option" },
  { name: "express-session", forgets: "by option" },
];

if (!process.argv.includes("--kept")) {
  const tests = ["--project=source", "--maxWorkers=1", "test/conformance/stores"];
  execFileSync("npx", ["vitest", "run", ...tests], { stdio: "inherit" });
}

/** @type {(Suite | Trips)[]} */
const records = readdirSync(folder).map((file) =>
  JSON.parse(readFileSync(`${folder}/${file}`, "utf8")),
);
const suites = records.filter((record) => record.kind === "suite");
const trips = records.filter((record) => record.kind === "trips");
const { circumstances, result } = existsSync(bench)
  ? JSON.parse(readFileSync(bench, "utf8"))
  : { circumstances: undefined, result: { rows: [] } };
/** @type {Measured[]} */
const measured = result.rows;

/** To which row a suite belongs: the cluster has one of its own. */
function rowOf(/** @type {Suite} */ { store, on }) {
  return on.startsWith("redis, cluster") ? "redis, cluster" : store;
}

const overview = STORES.map(({ name, page = name, forgets }) => {
  const mine = suites.filter((suite) => rowOf(suite) === name);
  const [first] = mine;
  if (first === undefined) throw new Error(`nothing is known of ${name}: was its suite run?`);
  const { conditionalWrites, shared, forgets: forgotten } = first.traits;
  const counted = trips.find((one) => one.store === name)?.trips;
  const bare = measured.find(({ kind }) => kind === name);
  return [
    `[\`${name}\`](${page}.md)`,
    conditionalWrites ? (shared ? "many" : "one, conditional") : "**one**",
    forgets ?? (forgotten.join(", ") || "nothing"),
    ...(counted === undefined
      ? ["", "", "", ""]
      : [counted.read, counted.write, counted.touch, counted.signIn].map(String)),
    bare === undefined ? "" : whole(bare.bytes),
    ...[bare?.read, bare?.write].map((compared) => (compared ?? []).map(ratio).join(" / ")),
  ];
});

const byClient = trips
  .toSorted((a, b) => place(a.store) - place(b.store))
  .map(({ store, client, trips: t }) => [
    store,
    client,
    ...[t.read, t.firstRead, t.write, t.touch, t.signIn, t.firstSignIn, t.signOut],
    t.together ?? "",
  ]);

const bySuite = suites
  .toSorted((a, b) => place(rowOf(a)) - place(rowOf(b)) || (a.on < b.on ? -1 : 1))
  .map(({ on, passed, skipped, schedules }) => [
    on.replace(/,$/, ""),
    passed,
    schedules === 0 ? "" : whole(schedules),
    reasons(skipped),
  ]);

const beside = measured.map(({ kind, says, bytes, bareBytes, read, write }) => [
  kind,
  says,
  whole(bytes),
  bareBytes === undefined ? "" : whole(bareBytes),
  ...[...read, ...write].map(({ perSecond, bare }) => `${whole(perSecond)} of ${whole(bare)}`),
]);

const tables = `
${table(
  [
    "store",
    "processes",
    "forgets",
    "read:",
    "write:",
    "touch:",
    "sign-in:",
    "bytes:",
    "reads, of bare:",
    "writes, of bare:",
  ],
  overview,
)}

### Round trips by client

${table(
  [
    "store",
    "client",
    "read:",
    "first read:",
    "write:",
    "touch:",
    "sign-in:",
    "first sign-in:",
    "sign-out:",
    "64 loads at once:",
  ],
  byClient,
)}

### Beside the bare client

${
  measured.length === 0
    ? "Not measured."
    : `${table(["store", "bare", "bytes:", "bare:", "reads, 1 at a time:", "64:", "writes, 1 at a time:", "64:"], beside)}

${where()}`
}

### The suite, backend by backend

${table(["on", "tests passed:", "orders of races:", "not asked"], bySuite)}
`;

const text = readFileSync(page, "utf8");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from === -1 || to < from) throw new Error(`${page} has no ${begin} … ${end}`);
writeFileSync(page, text.slice(0, from + begin.length) + tables + text.slice(to));
console.log(`${page}: ${overview.length} stores, ${suites.length} suites, ${trips.length} clients`);

function place(/** @type {string} */ store) {
  const at = STORES.findIndex(({ name }) => name === store);
  return at === -1 ? STORES.length : at;
}

/** Why tests were skipped, each reason once with how many it concerns. */
function reasons(/** @type {readonly string[]} */ skipped) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const test of skipped) {
    const reason = /\[([^[\]]*)\]$/.exec(test)?.[1] ?? test;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count}: ${reason}`).join("; ");
}

function where() {
  const { date, node, commit, machine, load } = circumstances;
  return `${date}, Node ${node}, commit ${commit}, ${machine}, load before ${load}; medians of ${result.rounds} rounds of ${result.ms} ms.`;
}

function ratio(/** @type {Compared} */ { ratio: of }) {
  return of < 10 ? of.toFixed(2) : String(Math.round(of));
}

function whole(/** @type {number} */ value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A heading that ends in `:` is of a column of numbers. */
function table(
  /** @type {readonly string[]} */ head,
  /** @type {readonly (readonly unknown[])[]} */ rows,
) {
  const rule = head.map((title) => (title.endsWith(":") ? "---:" : "---"));
  const titles = head.map((title) => title.replace(/:$/, ""));
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
