/**
 * Many users at work on a store while something breaks, everything that they were told written down, and
 * afterwards held against what is there.
 *
 * ```ts
 * const work = startWork([store, another]);
 * await work.calm();
 * await work.during("kill -9", () => server.kill());
 * const verdict = await work.end(store);
 * ```
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Loaded, SessionRecord, SessionStore } from "../../src/stores/contract.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { InjectedFault } from "./fault-report.ts";
import type { Loss, Revival, Verdict } from "./verdict.ts";

const DAY = 86_400_000;
// What the core waits for a store, more or less: later answers come to nobody.
const DEADLINE = 1000;

export interface WorkOptions {
  /** How many do something at the same time. @default 8 */
  readonly workers?: number;
  /** How many users they are busy with. @default 6 */
  readonly users?: number;
  /** @default 1 */
  readonly seed?: number;
}

/** People at work. */
export interface Work {
  /** Resolves when so many more changes were acknowledged. */
  calm(changes?: number): Promise<void>;
  /** Does something to the servers, and measures how long it takes until every verb is answered again. */
  during(what: string, fault: () => Promise<unknown>): Promise<void>;
  /** Ends the work and looks at what is there, by a store that is well. */
  end(store: SessionStore): Promise<Verdict>;
}

interface Known {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: number;
  /** The changes that were acknowledged, and when. */
  readonly changes: Map<number, number>;
  /** When its end was asked for; what is asked after that need not be kept. */
  endingSince: number;
  /** When its end was acknowledged. */
  endedAt: number;
}

interface Body {
  readonly id: string;
  readonly userId: string;
  readonly changes: readonly number[];
}

type Verb = "create" | "load" | "update" | "touch" | "close" | "cutOff" | "list";

// How often each is done, among a hundred.
const MIX: readonly (readonly [Verb, number])[] = [
  ["update", 40],
  ["load", 25],
  ["create", 12],
  ["touch", 8],
  ["list", 6],
  ["close", 7],
  ["cutOff", 2],
];

/** Begins to work. Each worker uses one of the stores. */
export function startWork(stores: readonly SessionStore[], options: WorkOptions = {}): Work {
  const { workers = 8, users = 6, seed = 1 } = options;
  const random = seededRandom(seed);
  const sessions = new Map<string, Known>();
  const revived = new Map<string, Revival>();
  const strangers = new Set<string>();
  const faults: InjectedFault[] = [];
  const answered = new Map<Verb, number>();
  const under = new Set<Promise<unknown>>();
  let acknowledged = 0;
  let failed = 0;
  let nextChange = 0;
  let isOver = false;

  /** What the store answers within the deadline; `undefined` for trouble, and then nobody knows. */
  async function ask<Result>(
    verb: Verb,
    call: () => Answer<Result>,
  ): Promise<{ readonly answer: Result } | undefined> {
    const asked = (async () => ({ answer: await call() }))().catch(() => undefined);
    under.add(asked);
    void asked.then(() => under.delete(asked));
    const late = new AbortController();
    const timeIsUp = sleep(DEADLINE, undefined, { signal: late.signal }).catch(() => undefined);
    const given = await Promise.race([asked, timeIsUp]);
    late.abort();
    if (given === undefined) failed += 1;
    else answered.set(verb, Date.now());
    return given;
  }

  function judge(known: Known, askedAt: number, loaded: Loaded | undefined): void {
    if (loaded === undefined) return;
    const { record, cutOff } = loaded;
    checkOwner(known, record);
    const live = !record.closed && record.mark > cutOff;
    const { id, endedAt } = known;
    if (live && endedAt < askedAt) revived.set(id, { id, endedAt, readAt: askedAt });
  }

  function checkOwner({ id, userId }: Known, record: SessionRecord): void {
    const body = JSON.parse(record.body) as Body;
    const owners = [record.userId ?? userId, body.userId];
    if (record.id === id && body.id === id && owners.every((owner) => owner === userId)) return;
    strangers.add(`${id} of ${userId}: read ${record.id} of ${owners.join(" and ")}`);
  }

  async function read(store: SessionStore, known: Known): Promise<SessionRecord | undefined> {
    const askedAt = Date.now();
    const given = await ask("load", () => store.load(known.id));
    judge(known, askedAt, given?.answer);
    return given?.answer?.record;
  }

  const verbs: Record<Verb, (store: SessionStore, userId: string) => Promise<void>> = {
    async create(store, userId) {
      const letters = Array.from({ length: 24 }, () => ALPHABET[random.below(64)]).join("");
      const given = await ask("create", async () => {
        const id = ((await store.home?.(userId)) ?? letters.slice(0, 8)) + letters.slice(8);
        const body = JSON.stringify({ id, userId, changes: [] } satisfies Body);
        const times = { lastSeenAt: Date.now(), expiresAt: Date.now() + DAY };
        const record = { id, userId, ...times, closed: false, body };
        return { id, answer: await store.create(record, 0, Date.now()) };
      });
      if (given?.answer.answer !== "created") return;
      acknowledged += 1;
      const { id } = given.answer;
      const never = Number.POSITIVE_INFINITY;
      const changes = new Map<number, number>();
      const createdAt = Date.now();
      sessions.set(id, { id, userId, createdAt, changes, endingSince: never, endedAt: never });
    },
    async load(store, userId) {
      const known = oneOf(userId);
      if (known !== undefined) await read(store, known);
    },
    async update(store, userId) {
      const known = oneOf(userId);
      const record = known && (await read(store, known));
      if (known === undefined || record === undefined || record.closed) return;
      const change = nextChange;
      nextChange += 1;
      const before = JSON.parse(record.body) as Body;
      const body = JSON.stringify({ ...before, changes: [...before.changes, change] });
      const next = { body, lastSeenAt: Date.now(), expiresAt: Date.now() + DAY };
      const call = (): Answer<boolean> => store.update(known.id, record.revision, next, Date.now());
      if ((await ask("update", call))?.answer !== true) return;
      known.changes.set(change, Date.now());
      acknowledged += 1;
    },
    async touch(store, userId) {
      const known = oneOf(userId);
      if (known === undefined) return;
      const at = Date.now();
      await ask("touch", () => store.touch(known.id, at, at + DAY, at));
    },
    async list(store, userId) {
      const askedAt = Date.now();
      const given = await ask("list", () => store.list({ userId, limit: 100 }, Date.now()));
      for (const record of given?.answer.records ?? []) {
        const known = sessions.get(record.id);
        if (known !== undefined) judge(known, askedAt, { record, cutOff: 0 });
        if (record.userId !== userId) strangers.add(`${record.id} in the list of ${userId}`);
      }
    },
    async close(store, userId) {
      const known = oneOf(userId);
      const record = known && (await read(store, known));
      if (known === undefined || record === undefined || record.closed) return;
      known.endingSince = Math.min(known.endingSince, Date.now());
      const next = { body: record.body, lastSeenAt: Date.now(), expiresAt: Date.now() + DAY };
      const call = (): Answer<boolean> =>
        store.update(known.id, record.revision, { ...next, close: true }, Date.now());
      if ((await ask("close", call))?.answer === true) end([known]);
    },
    async cutOff(store, userId) {
      const concerned = [...sessions.values()].filter((known) => known.userId === userId);
      const at = Date.now();
      for (const known of concerned) known.endingSince = Math.min(known.endingSince, at);
      const call = (): Promise<number> => store.cutOff(userId, { keepUntil: at + DAY }, at);
      if ((await ask("cutOff", call)) !== undefined) end(concerned);
    },
  };

  function end(ended: readonly Known[]): void {
    acknowledged += 1;
    for (const known of ended) known.endedAt = Math.min(known.endedAt, Date.now());
  }

  /** A session of the user, and now and then one that has ended. */
  function oneOf(userId: string): Known | undefined {
    const all = [...sessions.values()].filter((known) => known.userId === userId);
    const wanted = random.below(5) === 0;
    const some = all.filter(({ endedAt }) => Number.isFinite(endedAt) === wanted);
    return some[random.below(Math.max(some.length, 1))];
  }

  function pick(): Verb {
    let dice = random.below(100);
    for (const [verb, share] of MIX) {
      dice -= share;
      if (dice < 0) return verb;
    }
    return "load";
  }

  const working = Array.from({ length: workers }, async (_, index) => {
    const store = stores[index % stores.length] as SessionStore;
    while (!isOver) {
      await verbs[pick()](store, `user ${random.below(users)}`);
      // So that the work leaves the machine to those who repair the servers.
      await sleep(1 + random.below(3));
    }
  });

  async function calm(changes = 200): Promise<void> {
    const before = acknowledged;
    const deadline = Date.now() + 60_000;
    while (acknowledged < before + changes) {
      if (Date.now() > deadline) throw new Error("nothing is acknowledged any more");
      await sleep(10);
    }
  }

  return {
    calm,
    async during(what, fault) {
      const beganAt = Date.now();
      await fault();
      const endedAt = Date.now();
      const deadline = endedAt + 60_000;
      const isWell = (): boolean => MIX.every(([verb]) => (answered.get(verb) ?? 0) > endedAt);
      while (!isWell()) {
        if (Date.now() > deadline) throw new Error(`no answers a minute after ${what}`);
        await sleep(5);
      }
      const last = Math.max(...answered.values());
      faults.push({ what, lasted: endedAt - beganAt, recovered: last - endedAt });
    },
    async end(store) {
      isOver = true;
      await Promise.all(working);
      await Promise.all(under);
      const due: number[] = [];
      const lost: Loss[] = [];
      for (const known of sessions.values()) {
        const askedAt = Date.now();
        const loaded = await store.load(known.id);
        judge(known, askedAt, loaded);
        // What is under way when an end is asked for may be in vain.
        if (Number.isFinite(known.endingSince)) continue;
        const { id, createdAt, changes } = known;
        due.push(createdAt, ...changes.values());
        if (loaded === undefined) lost.push({ what: id, acknowledgedAt: createdAt });
        const body = loaded === undefined ? undefined : (JSON.parse(loaded.record.body) as Body);
        const there = new Set(body?.changes);
        for (const [change, acknowledgedAt] of changes) {
          if (!there.has(change)) lost.push({ what: `${id}: change ${change}`, acknowledgedAt });
        }
      }
      const found = { revived: [...revived.values()], strangers: [...strangers] };
      return { acknowledged, failed, due, lost, ...found, faults };
    },
  };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
