import { expect, it } from "vitest";
import type { Loaded } from "../../../../src/stores/contract.ts";
import { cached } from "../../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../../src/stores/memory.ts";
import { testClock } from "../../../../src/testing/clock.ts";
import type { Gate } from "../../../../src/testing/faults.ts";
import { gate } from "../../../../src/testing/faults.ts";
import { seededRandom } from "../../../../src/testing/random.ts";
import { aroundVerbs } from "../../../../src/testing/verbs.ts";
import { allOf, tellingLine } from "../../../support/told.ts";

const MAX_AGE = 10_000;
const HOUR = 3_600_000;
const STEPS = 400;
const IDS = ["a", "b", "c", "d"].map((name) => name.padEnd(24, name));
const USERS = ["ada", "bob"];

/** What the store held, and from when on. */
interface Held {
  readonly from: number;
  readonly revision: number;
  readonly body: string;
  readonly closed: boolean;
  readonly cutOff: number;
}

/** What was known when a read began. */
interface Asked {
  readonly began: number;
  readonly beganAt: number;
  /** When this process had last written the session, acknowledged. */
  readonly ownAt: number;
  /** Every change was told, or the cache knew that none was. */
  readonly isTold: boolean;
}

/**
 * A cache and another process write, read, cut off, and move time, in any order, with calls that are
 * answered late, and a line between them that breaks. Whatever the cache tells was so in the store at
 * some moment: not longer ago than `bound`, and not before what this process has written itself.
 */
async function play(seed: number, watch: "none" | "alive" | "breaking"): Promise<void> {
  const random = seededRandom(seed);
  const clock = testClock();
  const line = tellingLine();
  const memory = allOf(memoryStore({ clock: clock.now }));
  const elsewhere = watch === "none" ? memory : line.connect(memory);
  const held = new Map<string, Held[]>(IDS.map((id) => [id, []]));
  const ownWritesAt = new Map<string, number>();
  let isNoticed = true;
  let isCut = false;
  let step = 0;

  /** Every state in order; a step of its own for each, since the clock may stand still. */
  async function note(): Promise<void> {
    for (const id of IDS) {
      const { record, cutOff } = (await memory.load(id)) as Loaded;
      const { revision, body, closed } = record;
      const states = held.get(id) as Held[];
      const last = states.at(-1);
      const isSame = last?.revision === revision && last.cutOff === cutOff;
      if (!isSame) states.push({ revision, body, closed, cutOff, from: step });
    }
  }

  // Calls of the cache take effect at once, and may be answered late.
  const gates = new Set<Gate>();
  const slow = aroundVerbs(elsewhere, async (_call, invoke) => {
    const reply = await invoke();
    await note();
    if (random.chance(30)) {
      const shut = gate();
      gates.add(shut);
      await shut.opened;
    }
    return reply;
  });
  const cache = cached(slow, { maxAge: MAX_AGE / 1000, clock: clock.now });
  const times = () => ({ lastSeenAt: clock.now(), expiresAt: clock.now() + 100 * HOUR });
  for (const [index, id] of IDS.entries()) {
    const userId = USERS[index % 2];
    const record = { id, userId, ...times(), closed: false, body: "0" };
    await memory.create(record, 1000, clock.now());
  }
  await note();

  // When each step was, to turn the age into steps.
  const at: number[] = [clock.now()];
  const oldestAt = (now: number): number => {
    let index = at.length - 1;
    while (index > 0 && now - (at[index - 1] as number) < MAX_AGE) index -= 1;
    return index;
  };

  function check(
    id: string,
    { began, beganAt, ownAt, isTold }: Asked,
    loaded: Loaded | undefined,
  ): void {
    const { revision, body, closed } = (loaded as Loaded).record;
    const { cutOff } = loaded as Loaded;
    // What was true when the read began, or `maxAge` before that if nobody could tell.
    const bound = isTold ? began : oldestAt(beganAt);
    const states = held.get(id) as Held[];
    const until = (index: number) => states[index + 1]?.from ?? Number.POSITIVE_INFINITY;
    const isOne = (is: (state: Held) => boolean, from: number) =>
      states.some((state, index) => is(state) && until(index) > from);
    const record = (state: Held) =>
      state.revision === revision && state.body === body && state.closed === closed;
    const isRecord = isOne(record, Math.max(bound, ownAt));
    const isCutOff = isOne((state) => state.cutOff === cutOff, bound);
    if (isRecord && isCutOff) return;
    const told = { seed, step, id, revision, body, closed, cutOff, bound, ownAt };
    expect.fail(`${JSON.stringify(told)} was never so in ${JSON.stringify(states)}`);
  }

  const pending: Promise<void>[] = [];
  for (step = 1; step <= STEPS; step += 1) {
    at.push(clock.now());
    const id = random.pick(IDS);
    const store = random.chance(40) ? cache : elsewhere;
    const now = clock.now();
    const began = step;
    const what = random.below(100);
    if (what < 45) {
      const isTold = watch === "alive" || (watch === "breaking" && !(isCut && !isNoticed));
      const asked = { began, beganAt: now, ownAt: ownWritesAt.get(id) ?? 0, isTold };
      const reading = Promise.resolve(cache.load(id)).then((loaded) => check(id, asked, loaded));
      // It is awaited in the end.
      reading.catch(() => undefined);
      pending.push(reading);
    } else if (what < 65) {
      const { record } = (await memory.load(id)) as Loaded;
      const next = { ...times(), body: `${step}`, close: random.chance(3) };
      const writing = Promise.resolve(store.update(id, record.revision, next, now)).then((done) => {
        if (done && store === cache) ownWritesAt.set(id, began);
      });
      if (store === cache) pending.push(writing);
      else await writing;
    } else if (what < 70) {
      const touching = store.touch(id, now, now + 100 * HOUR, now).then(() => undefined);
      if (store === cache) pending.push(touching);
      else await touching;
    } else if (what < 75) {
      const cutting = store.cutOff(random.pick(USERS), { keepUntil: now + HOUR }, now);
      if (store === cache) pending.push(cutting.then(() => undefined));
      else await cutting;
    } else if (what < 85) {
      clock.advance(random.below(4000) / 1000);
    } else if (what < 95) {
      for (const shut of [...gates].filter(() => random.chance(50))) {
        gates.delete(shut);
        shut.open();
      }
    } else if (watch === "breaking") {
      isNoticed = isCut || random.chance(50);
      if (isCut) line.mend();
      else line.cut(isNoticed);
      isCut = !isCut;
    }
    await note();
    // Whatever can go on does.
    for (let turn = 0; turn < 12; turn += 1) await undefined;
  }
  for (const shut of gates) shut.open();
  while (gates.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const shut of gates) {
      gates.delete(shut);
      shut.open();
    }
  }
  await Promise.all(pending);
  expect(cache.stats().hits, `hits with seed ${seed}`).toBeGreaterThan(0);
}

it.each(["none", "alive", "breaking"] as const)(
  "P5 whatever happens, what is told was so within the bound (watch: %s)",
  async (watch) => {
    for (let seed = 1; seed <= 20; seed += 1) await play(seed, watch);
  },
);
