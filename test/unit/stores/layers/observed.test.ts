import { expect, it } from "vitest";
import { ConfigError } from "../../../../src/errors.ts";
import type { SessionStore } from "../../../../src/stores/contract.ts";
import { cached } from "../../../../src/stores/layers/cached.ts";
import type { ObservedCall, ObservedOptions } from "../../../../src/stores/layers/observed.ts";
import { observed } from "../../../../src/stores/layers/observed.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import type { FaultPlan } from "../../../../src/testing/faults.ts";
import { faulty, gate, nthCall } from "../../../../src/testing/faults.ts";

const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";
const HOUR = 3_600_000;
const now = Date.now();
const times = { lastSeenAt: now, expiresAt: now + HOUR };
const record = { id: ID, userId: "ada", ...times, closed: false, body: "card 4242" };

function scene(options: ObservedOptions & { readonly faults?: FaultPlan } = {}) {
  const calls: ObservedCall[] = [];
  const { faults = () => undefined, ...rest } = options;
  const inner = { ...memoryStore(), home: async () => "homeHome" };
  const store = observed(faulty(inner, faults), { onCall: (call) => calls.push(call), ...rest });
  return { store, calls };
}

async function everything(store: ReturnType<typeof scene>["store"]): Promise<void> {
  await store.load(ID);
  await store.home?.("ada");
  await store.create(record, 0, now);
  await store.create(record, 0, now);
  await store.load(ID);
  await store.update(ID, 1, { ...times, body: "c" }, now);
  await store.update(ID, 1, { ...times, body: "c" }, now);
  await store.touch(ID, now, now + HOUR, now);
  await store.touch("b".repeat(24), now, now + HOUR, now);
  await store.cutOff("ada", { keepUntil: now + HOUR }, now);
  await store.create({ ...record, id: "c".repeat(24) }, 1, now);
  await store.list({ limit: 10 }, now);
  await store.sweep(10, now);
  await store.add({ kind: "user", id: "ada", at: now, until: now + HOUR });
  await store.since(undefined);
}

it("counts every verb by how it went", async () => {
  const { store } = scene();
  await everything(store);
  const outcomes = Object.fromEntries(store.metrics().map(({ verb, outcomes: o }) => [verb, o]));
  expect(outcomes).toEqual({
    load: { absent: 1, found: 1 },
    home: { done: 1 },
    create: { created: 1, taken: 1, "cut-off": 1 },
    update: { done: 1, refused: 1 },
    touch: { done: 1, refused: 1 },
    cutOff: { done: 1 },
    list: { done: 1 },
    sweep: { done: 1 },
    add: { done: 1 },
    since: { done: 1 },
  });
});

it("a failure is counted as one, and is the caller's as it was", async () => {
  const { store, calls } = scene({ faults: nthCall("load", 1, "before") });
  await expect(store.load(ID)).rejects.toThrow("injected");
  expect(calls.map(({ outcome }) => outcome)).toEqual(["error"]);
  expect(store.metrics()[0]).toMatchObject({ calls: 1, inFlight: 0, outcomes: { error: 1 } });
});

it("tells what is in flight, and counts a call when it has ended", async () => {
  const held = gate();
  const { store } = scene({ faults: nthCall("load", 1, { heldBy: held }) });
  const loading = store.load(ID);
  expect(store.metrics()).toMatchObject([{ verb: "load", inFlight: 1, calls: 0 }]);
  held.open();
  await loading;
  expect(store.metrics()).toMatchObject([{ verb: "load", inFlight: 0, calls: 1 }]);
});

it("puts every duration into the buckets that hold it", async () => {
  const { store, calls } = scene({ buckets: [1, 5, 60_000] });
  const slow = scene({ buckets: [1, 5, 60_000], faults: ({ count }) => waiting(count) });
  for (let n = 0; n < 20; n += 1) await store.load(ID);
  for (let n = 0; n < 3; n += 1) await slow.store.load(ID);
  for (const each of [{ store, calls }, slow]) {
    const [load] = each.store.metrics();
    const within = (ms: number) => each.calls.filter((call) => call.ms <= ms).length;
    expect(load?.buckets).toEqual([
      { upToMs: 1, calls: within(1) },
      { upToMs: 5, calls: within(5) },
      { upToMs: 60_000, calls: within(60_000) },
    ]);
    const total = each.calls.reduce((sum, { ms }) => sum + ms, 0);
    expect(load?.totalMs).toBeCloseTo(total, 6);
  }
  expect(slow.store.metrics()[0]?.buckets[1]?.calls).toBe(0);
});

/** Holds a call for more than five milliseconds. */
function waiting(count: number) {
  const held = gate();
  setTimeout(() => held.open(), 10 + count);
  return { answeredAfter: held };
}

it("P13 nothing of a session gets to the hook, the snapshot or the text", async () => {
  const { store, calls } = scene();
  await everything(store);
  const shown = JSON.stringify([calls, store.metrics()]) + store.prometheus();
  for (const secret of [ID, "ada", "card 4242", "cccc", "bbbb"])
    expect(shown).not.toContain(secret);
  expect(Object.keys(calls[0] ?? {}).sort()).toEqual(["ms", "outcome", "store", "verb"]);
});

it("P13 nor of an error, whose text may quote the query", async () => {
  const calls: ObservedCall[] = [];
  const inner = memoryStore();
  const store = observed(
    { ...inner, load: async (id) => Promise.reject(new Error(`no row ${id}`)) },
    { onCall: (call) => calls.push(call) },
  );
  await expect(store.load(ID)).rejects.toThrow(ID);
  expect(JSON.stringify([calls, store.metrics()]) + store.prometheus()).not.toContain(ID);
});

it("a hook that throws disturbs nobody, and is not silent either", async () => {
  const uncaught: unknown[] = [];
  const earlier = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (error) => uncaught.push(error));
  try {
    const { store } = scene({
      onCall: () => {
        throw new Error("the hook's own");
      },
    });
    expect(await store.load(ID)).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of earlier) process.on("uncaughtException", listener);
  }
  expect(uncaught).toMatchObject([{ message: "the hook's own" }]);
});

it("gives the text format of Prometheus", async () => {
  const { store } = scene({ name: 'my "store"\\\n', buckets: [1000, 60_000] });
  await store.create(record, 0, now);
  await store.load(ID);
  await store.load(ID);
  const text = store.prometheus();
  const label = 'store="my \\"store\\"\\\\\\n"';
  const lines = text.split("\n");
  expect(lines).toContain(`coatcheck_store_calls_total{${label},verb="load",outcome="found"} 2`);
  expect(lines).toContain(`coatcheck_store_call_seconds_bucket{${label},verb="load",le="60"} 2`);
  expect(lines).toContain(`coatcheck_store_call_seconds_bucket{${label},verb="load",le="+Inf"} 2`);
  expect(lines).toContain(`coatcheck_store_call_seconds_count{${label},verb="create"} 1`);
  expect(lines).toContain(`coatcheck_store_calls_in_flight{${label},verb="load"} 0`);
  expect(text.endsWith("\n")).toBe(true);
  // Each line is a comment or a sample, each sample of a family that was declared before.
  const sample =
    /^([a-z_]+?)(_bucket|_sum|_count)?\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+\} [\d.e+-]+$/;
  const families = new Set<string>();
  for (const line of lines.slice(0, -1)) {
    const declared = /^# TYPE (\S+) (counter|histogram|gauge)$/.exec(line)?.[1];
    if (declared !== undefined) families.add(declared);
    else if (!line.startsWith("# HELP ")) expect(families).toContain(sample.exec(line)?.[1]);
  }
});

it("two of them around a cache tell what the cache saves", async () => {
  const behind = observed(memoryStore(), { name: "database" });
  const store = observed(cached(behind, { staleFor: "60s" }), { name: "cache" });
  await behind.create(record, 0, now);
  for (let n = 0; n < 10; n += 1) await store.load(ID);
  await store.recall?.(ID);
  const callsOf = (metrics: ReturnType<typeof store.metrics>, verb: string) =>
    metrics.find((each) => each.verb === verb)?.calls;
  expect([callsOf(store.metrics(), "load"), callsOf(behind.metrics(), "load")]).toEqual([10, 1]);
  expect(callsOf(store.metrics(), "recall")).toBe(1);
});

it.each([
  ["name", { name: "" }],
  ["onCall", { onCall: "log" }],
  ["buckets", { buckets: [5, 1] }],
  ["buckets", { buckets: [0] }],
  ["buckets", { buckets: 5 }],
])("refuses %s that cannot work, by name", (option, options) => {
  const make = () => observed(memoryStore() as SessionStore, options as ObservedOptions);
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(`\`${option}\``);
});
