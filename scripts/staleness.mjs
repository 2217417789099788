// @ts-check
/**
 * Measures how long a cache goes on telling a session that another process has ended: `npm run staleness`.
 *
 * Two processes share an LMDB store. This one reads a thousand sessions through a cache, over and over;
 * the other ends them all. What counts is the time from the moment when the end was acknowledged there
 * to the last answer here that says the session is live. LMDB has no `watch`, so the other process tells
 * this one over a pipe, as a server would; the pipe can be cut, with or without anyone noticing.
 */

import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";

// By names that the type check, which runs before the build, does not follow.
const built = (/** @type {string} */ file) =>
  new URL(`../dist/stores/${file}`, import.meta.url).href;
const { cached } = await import(built("layers/cached.js"));
const { lmdbStore } = await import(built("lmdb.js"));

const SESSIONS = 1000;
const HOUR = 3_600_000;

/** @typedef {"alive" | "lost" | "cut off" | "none"} Watch */

/** Comparable between the processes of a machine. */
const moment = () => Number(process.hrtime.bigint()) / 1e6;
const idOf = (/** @type {number} */ index) => `${index}`.padStart(24, "0");
const times = () => ({ lastSeenAt: Date.now(), expiresAt: Date.now() + HOUR });

if (process.send === undefined) await measureAll();
else await endAll(/** @type {string} */ (process.argv[2]));

/** The other process: ends every session and says when that was acknowledged. @param {string} path */
async function endAll(path) {
  const store = lmdbStore({ path });
  const send = (/** @type {unknown} */ message) => process.send?.(message);
  process.on("message", async () => {
    /** @type {number[]} */
    const endedAt = [];
    for (let index = 0; index < SESSIONS; index += 1) {
      const next = { body: "", ...times(), close: true };
      await store.update(idOf(index), 1, next, Date.now());
      endedAt.push(moment());
      send({ told: idOf(index) });
    }
    send({ endedAt });
    await store.close();
    process.disconnect();
  });
  send({ ready: true });
}

async function measureAll() {
  console.log("watch      sessions   median ms      99 % ms        most ms");
  for (const watch of /** @type {const} */ (["alive", "lost", "cut off", "none"])) {
    const took = (await measure(watch)).sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => took[Math.ceil(share * took.length) - 1] ?? 0;
    const columns = [at(0.5), at(0.99), at(1)].map((ms) => ms.toFixed(2).padEnd(15));
    console.log(`${watch.padEnd(11)}${`${took.length}`.padEnd(11)}${columns.join("")}`.trimEnd());
  }
}

/** @param {Watch} watch @returns {Promise<number[]>} milliseconds for each session */
async function measure(watch) {
  const path = await mkdtemp(join(tmpdir(), "coatcheck-staleness-"));
  const inner = lmdbStore({ path });
  const other = fork(fileURLToPath(import.meta.url), [path]);
  /** @type {((change: { kind: string, id?: string }) => void) | undefined} */
  let listener;
  const store =
    watch === "none"
      ? cached(inner)
      : cached({
          ...inner,
          watch(/** @type {typeof listener} */ each) {
            listener = each;
            return () => undefined;
          },
        });
  /** @type {number[] | undefined} */
  let endedAt;
  /** @type {() => void} */
  let isReady = () => undefined;
  const ready = new Promise((resolve) => {
    isReady = () => resolve(undefined);
  });
  other.on("message", (/** @type {any} */ message) => {
    if (message.ready) isReady();
    if (message.told && watch === "alive") listener?.({ kind: "session", id: message.told });
    if (message.endedAt) endedAt = message.endedAt;
  });
  try {
    await ready;
    for (let index = 0; index < SESSIONS; index += 1) {
      const record = { id: idOf(index), userId: "ada", ...times(), closed: false, body: "{}" };
      await inner.create(record, 0, Date.now());
    }
    for (let index = 0; index < SESSIONS; index += 1) await store.load(idOf(index));
    if (watch === "lost") listener?.({ kind: "lost" });
    other.send("end");
    /** @type {number[]} */
    const liveAt = Array(SESSIONS).fill(0);
    const left = new Set(liveAt.keys());
    while (left.size > 0) {
      for (const index of left) {
        // What is told must not wait for the measuring.
        if (index % 20 === 0) await setImmediate();
        const asked = moment();
        const loaded = await store.load(idOf(index));
        if (loaded?.record.closed === false) liveAt[index] = asked;
        else left.delete(index);
      }
      await setImmediate();
    }
    while (endedAt === undefined) await setImmediate();
    const ended = endedAt;
    return liveAt.map((at, index) => Math.max(0, at - (ended[index] ?? 0)));
  } finally {
    other.kill();
    await store.close();
    await rm(path, { recursive: true });
  }
}
