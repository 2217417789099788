// Runs the conformance suite on D1 and on Durable Objects, as Cloudflare's miniflare runs them. It wants
// Node 22 or later.
//
// A command takes longer here than elsewhere: of the races every pair is run, and not the triples, and
// of the storms all but the one that asks a quarter of a million times.
//
//   node cloudflare.mjs <folder of miniflare> <folder of the package> <d1|do>
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";

const [, , modules, root, kind] = process.argv;
const { Miniflare } = createRequire(join(modules, "miniflare/"))("miniflare");

const files = (await readdir(join(root, "dist"), { recursive: true, withFileTypes: true }))
  .filter((file) => file.isFile() && file.name.endsWith(".js"))
  .map((file) => join(file.parentPath, file.name));
const worker = join(import.meta.dirname, "cloudflare-worker.mjs");
const miniflare = new Miniflare({
  modules: [
    { type: "ESModule", path: "worker.mjs", contents: await readFile(worker, "utf8") },
    ...(await Promise.all(
      files.map(async (file) => ({
        type: "ESModule",
        path: relative(root, file),
        contents: await readFile(file, "utf8"),
      })),
    )),
  ],
  compatibilityDate: "2026-01-01",
  compatibilityFlags: ["nodejs_compat"],
  d1Databases: ["DB"],
  durableObjects: { SESSIONS: { className: "SessionsObject", useSQLite: true } },
});

const ask = async (path, init) => {
  return (await miniflare.dispatchFetch(`http://worker/${path}`, init)).json();
};
const tests = await ask(kind);
let failed = 0;
let ran = 0;
let schedules = 0;
const isTooLong = (name) =>
  name.includes(" storm: many compare-and-set ") ||
  (name.includes(" race: ") && name.split(" × ").length > 2);
for (const [index, { name, skip }] of tests.entries()) {
  if (skip !== undefined || isTooLong(name)) continue;
  ran += 1;
  const started = performance.now();
  const outcome = await ask(`${kind}/${index}`);
  schedules += outcome.schedules;
  if (process.env.VERBOSE) console.error(name, Math.round(performance.now() - started), "ms");
  if (outcome.error === undefined) continue;
  failed += 1;
  console.log(`${name}: ${outcome.error}`);
}
const skipped = tests.flatMap(({ name, skip }) => (skip ? [`${name} [${skip}]`] : []));
const [traits, trips] = [await ask(`${kind}/traits`), await ask(`${kind}/trips`)];
const alone = await visits();
console.log(
  JSON.stringify({ failed, passed: ran - failed, skipped, schedules, traits, trips, alone }),
);
await miniflare.dispose();

/** The round trips of visits that are a request each; the tables are there. */
async function visits() {
  const steps = [
    ["begin", "begin"],
    ["signIn", "signIn"],
    ["read", "read"],
    ["write", "write"],
    ["touch", "read", 60_000],
    ["signOut", "signOut", 60_000],
  ];
  const counts = {};
  let cookie = "";
  for (const [step, does, ahead = 0] of steps) {
    const body = JSON.stringify({ does, cookie, ahead });
    ({ cookie, trips: counts[step] } = await ask(`${kind}/visit`, { method: "POST", body }));
  }
  return counts;
}
