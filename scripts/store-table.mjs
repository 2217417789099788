// @ts-check
/**
 * Makes the tables of `docs/stores/README.md` and of `docs/stores/tested.md`: what the conformance tests have
 * just shown of each store, and what `npm run bench -- --only stores` has measured.
 *
 *   npm run stores:table               runs those tests, then writes the tables
 *   npm run stores:table -- --kept     of what `npm test` and `npm run test:runtimes` have shown
 *   npm run stores:table -- --check    writes nothing: fails where a page says something else than those have shown
 *
 * `--check` weighs the sessions of each store again, in half a minute. What takes time is not compared.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureBytes } from "../bench/parts/stores.mjs";

/** @typedef {import("../test/support/store-records.ts").SuiteRecord} Suite */
/** @typedef {import("../test/support/store-records.ts").TripsRecord} Trips */
/** @typedef {{ inFlight: number, perSecond: number, bare: number, ratio: number }} Compared */
/** @typedef {{ kind: string, says: string, settings: string, bytes: number, bareBytes?: number, bodyBytes: number, sessions: number, read: Compared[], write: Compared[] }} Measured */

const folder = ".tmp/store-table";
const page = "docs/stores/README.md";
const testedPage = "docs/stores/tested.md";
const bench = "bench/results/stores.json";

/** By how much of what the page says bytes may differ: versions of Node and of the servers do. */
const TOLERANCE = 0.1;

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

/** Without one of them a row would be missing. */
const SERVERS = [
  ...["better-sqlite3", "mariadb", "memcached", "pgbouncer", "postgres", "redis-server"],
  "valkey-server",
];

const { values } = parseArgs({
  options: {
    kept: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});
if (!values.kept && !values.check) {
  rmSync(folder, { recursive: true, force: true });
  const env = { ...process.env, COATCHECK_REQUIRE: SERVERS.join() };
  const go = (/** @type {string} */ program, /** @type {string[]} */ ...args) =>
    execFileSync(program, args, { stdio: "inherit", env });
  go("npx", "vitest", "run", "--project=source", "test/conformance/stores");
  go("npm", "run", "--silent", "build");
  go("node", "scripts/runtimes.mjs", "--only", "Cloudflare");
}

/** @type {string[]} */
const differences = [];
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
  const { forgets: forgotten } = first.traits;
  const conditionalWrites = mine.every(({ traits }) => traits.conditionalWrites);
  const shared = mine.every(({ traits }) => traits.shared);
  const counted = trips.find((one) => one.store === name)?.trips;
  const bare = measured.find(({ kind }) => kind === name);
  return [
    `[\`${name}\`](${page}.md)`,
    conditionalWrites ? (shared ? "many" : "one") : "**one**",
    forgets ?? (forgotten.join(", ") || "nothing"),
    `${whole(sum(mine, "passed"))}, ${whole(sum(mine, "schedules"))}`,
    ...(counted === undefined
      ? ["–", "–", "–", "–"]
      : [counted.read, counted.write, counted.touch, counted.signIn].map(String)),
    bare === undefined ? "not measured" : whole(bare.bytes),
    ...[bare?.read, bare?.write].map((compared) =>
      (compared ?? []).map(({ ratio }) => share(ratio)).join(" / "),
    ),
  ];
});

const byClient = trips
  .toSorted((a, b) => place(a.store) - place(b.store))
  .map(({ store, client, trips: t }) => [
    store,
    client,
    ...[t.read, t.firstRead, t.write, t.touch, t.signIn, t.firstSignIn, t.signOut],
    t.together === undefined ? "–" : t.together === 64 ? "in turn" : "together",
  ]);

const bySuite = suites
  .filter((suite) => place(rowOf(suite)) < STORES.length)
  .toSorted((a, b) => place(rowOf(a)) - place(rowOf(b)) || (a.on < b.on ? -1 : 1))
  .map(({ on, passed, skipped, schedules }) => [
    on.replace(/,$/, ""),
    passed,
    schedules === 0 ? "" : whole(schedules),
    reasons(skipped),
  ]);

/** What one page says that was measured, a table for each row of the overview that leads there. */
function measuredOn(/** @type {string} */ name) {
  const mine = STORES.filter(({ name: row, page = row }) => page === name);
  const here = measured.filter(({ kind }) => mine.some(({ name: row }) => row === kind));
  if (here.length === 0) return undefined;
  const parts = here.map((row) => {
    const { kind, says, settings, sessions, bodyBytes, bytes, bareBytes, read, write } = row;
    const rates = (/** @type {string} */ what, /** @type {Compared[]} */ compared) =>
      compared.map(({ inFlight, perSecond, bare, ratio }) => [
        `${what} per second, ${inFlight === 1 ? "one" : inFlight} at a time`,
        whole(perSecond),
        whole(bare),
        share(ratio),
      ]);
    const size = ["bytes of a session", whole(bytes), bareBytes ? whole(bareBytes) : "", ""];
    const title = here.length > 1 ? `\`${kind}\`, ` : "";
    const server = settings === "" ? "" : `, on a server with ${settings}`;
    return `${title}${whole(sessions)} sessions with a text of ${bodyBytes} characters each. Bare: ${says}, of the same texts, in turns${server}.

${table(["", "this store:", "bare:", "of bare:"], [size, ...rates("reads", read), ...rates("writes", write)])}`;
  });
  return `
Made by \`npm run bench -- --only stores\`.

${parts.join("\n\n")}

${where()}
`;
}

const tables = `
${table(
  [
    "store",
    "processes",
    "forgets",
    "tests, orders:",
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

A first read is one in a process that has not seen the session yet, and a first sign-in that of somebody who was
never there. Loads at once go over one connection, 64 of them: *together*, so that none waits for the one before,
or *in turn*, which a pool shares out among its connections.

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
    "loads at once",
  ],
  byClient,
)}
`;

fill(page, "stores:table", tables);
for (const name of new Set(STORES.map(({ name, page = name }) => page))) {
  const said = measuredOn(name);
  if (said !== undefined) fill(`docs/stores/${name}.md`, "stores:measured", said);
}
fill(
  testedPage,
  "stores:tested",
  `
${table(["on", "tests passed:", "orders of races:", "not asked"], bySuite)}
`,
);
if (values.check) {
  for (const { kind, bytes } of await measureBytes()) {
    const said = measured.find((row) => row.kind === kind)?.bytes ?? Number.NaN;
    if (!(Math.abs(bytes - said) <= said * TOLERANCE)) {
      differences.push(`${page}: a session of ${kind} takes ${bytes} bytes, and not ${said}`);
    }
  }
}
for (const difference of differences) console.error(difference);
if (differences.length > 0) {
  console.error("`npm run stores:table -- --kept` writes what was counted; bytes are the bench's.");
  process.exitCode = 1;
}
const told = `${overview.length} stores, ${suites.length} suites, ${trips.length} clients`;
console.log(`${page}: ${told}${values.check ? `, ${differences.length} differences` : ""}`);

/** Puts a text between the marks of a page, or finds where the page says something else. */
function fill(/** @type {string} */ file, /** @type {string} */ mark, /** @type {string} */ text) {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const before = readFileSync(file, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${file} has no ${begin} … ${end}`);
  const start = from + begin.length;
  if (!values.check) {
    writeFileSync(file, before.slice(0, start) + text + before.slice(to));
    return;
  }
  const [said, shown] = [before.slice(start, to).split("\n"), text.split("\n")];
  differences.push(
    ...said.filter((line) => !shown.includes(line)).map((line) => `${file} says    ${line}`),
    ...shown.filter((line) => !said.includes(line)).map((line) => `${file} lacks   ${line}`),
  );
}

function place(/** @type {string} */ store) {
  const at = STORES.findIndex(({ name }) => name === store);
  return at === -1 ? STORES.length : at;
}

function sum(/** @type {readonly Suite[]} */ all, /** @type {"passed" | "schedules"} */ what) {
  return all.reduce((total, one) => total + one[what], 0);
}

/** Why tests were skipped, each reason once with how many it concerns. */
function reasons(/** @type {readonly string[]} */ skipped) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const test of skipped) {
    const [reason = ""] = (/\[([^[\]]*)\]$/.exec(test)?.[1] ?? test).split(", ");
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count}: ${reason}`).join("; ");
}

function where() {
  const { date, node, commit, machine, load } = circumstances;
  return `${date}, Node ${node}, commit ${commit}, ${machine}, load before ${load}; medians of ${result.rounds} rounds of ${result.ms} ms.`;
}

/** Such as `0.38`, or `35` where it is many times as much. */
function share(/** @type {number} */ ratio) {
  return ratio < 10 ? ratio.toFixed(2) : String(Math.round(ratio));
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
