/**
 * Counts and times what a store is asked: for metrics, traces and alarms.
 *
 * It is told verbs, outcomes and durations. No id, body, user or error text ever gets there.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";
import type { Answer } from "../contract.ts";
import type { AnyStore, Layered } from "./layer.ts";
import { handOn } from "./layer.ts";
import type { Outcome, Verb, VerbMetrics } from "./observed-metrics.ts";
import { createMetrics, prometheusText } from "./observed-metrics.ts";

export type { Outcome, Verb, VerbMetrics } from "./observed-metrics.ts";

/** One call that has ended. */
export interface ObservedCall {
  /** The `name` of the options. */
  readonly store: string;
  readonly verb: Verb;
  readonly outcome: Outcome;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

export interface ObservedOptions {
  /** Tells several observed stores apart. @default the store's own name */
  readonly name?: string | undefined;
  /** Is told of every call when it has ended. One that throws fails no call, and is uncaught. */
  readonly onCall?: ((call: ObservedCall) => void) | undefined;
  /** Up to how many milliseconds each bucket of the durations goes, rising. @default from 1 to 10_000 */
  readonly buckets?: readonly number[] | undefined;
}

/** A store that counts. */
export type Observed<Store> = Layered<Store> & ObservedExtras;

export interface ObservedExtras {
  /** What it was asked since it was made: an entry for each verb that was. */
  metrics(): readonly VerbMetrics[];
  /** The same in the text format of Prometheus (0.0.4). */
  prometheus(): string;
}

const KNOWN = ["name", "onCall", "buckets"] as const;
const BUCKETS: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/**
 * Puts a counter around a store.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = observed(postgresStore({ client }));
 * app.get("/metrics", (req, res) => res.type("text/plain").send(store.prometheus()));
 * ```
 */
export function observed<Store extends AnyStore>(
  store: Store,
  options?: ObservedOptions,
): Observed<Store> {
  const handed: AnyStore = handOn(store);
  const { name, onCall, buckets } = checked(options, store.name);
  const metrics = createMetrics(buckets);

  async function watched<Result>(
    verb: Verb,
    call: () => Answer<Result>,
    outcomeOf: (result: Result) => Outcome = done,
  ): Promise<Result> {
    const began = metrics.begin(verb);
    let outcome: Outcome = "error";
    try {
      const result = await call();
      outcome = outcomeOf(result);
      return result;
    } finally {
      tell({ store: name, verb, outcome, ms: metrics.end(verb, began, outcome) });
    }
  }

  function tell(call: ObservedCall): void {
    try {
      onCall?.(call);
    } catch (error) {
      // Out of the request, but not out of sight: the process sees it as uncaught.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  const { home, refresh, recall, add, since } = handed;
  const layer: AnyStore & ObservedExtras = {
    ...handed,
    load: (id) => watched("load", () => handed.load(id), found),
    create: (record, startedAgo, now) =>
      watched("create", () => handed.create(record, startedAgo, now), itself),
    update: (id, revision, next, now) =>
      watched("update", () => handed.update(id, revision, next, now), accepted),
    touch: (id, lastSeenAt, expiresAt, now) =>
      watched("touch", () => handed.touch(id, lastSeenAt, expiresAt, now), accepted),
    cutOff: (userId, given, now) => watched("cutOff", () => handed.cutOff(userId, given, now)),
    list: (query, now) => watched("list", () => handed.list(query, now)),
    sweep: (limit, now) => watched("sweep", () => handed.sweep(limit, now)),
    ...(home !== undefined && { home: (userId) => watched("home", () => home(userId)) }),
    ...(refresh !== undefined && { refresh: (id) => watched("load", () => refresh(id), found) }),
    ...(recall !== undefined && { recall: (id) => watched("recall", () => recall(id), found) }),
    ...(add !== undefined && { add: (revocation) => watched("add", () => add(revocation)) }),
    ...(since !== undefined && { since: (cursor) => watched("since", () => since(cursor)) }),
    metrics: metrics.snapshot,
    prometheus: () => prometheusText(name, metrics.snapshot()),
  };
  return layer as Observed<Store>;
}

const done = (): Outcome => "done";
const itself = (outcome: Outcome): Outcome => outcome;
const accepted = (isDone: boolean): Outcome => (isDone ? "done" : "refused");
const found = (answer: unknown): Outcome => (answer === undefined ? "absent" : "found");

function checked(options: ObservedOptions | undefined, storeName: string) {
  const { name, onCall, buckets = BUCKETS } = section("options", options, KNOWN);
  if (name !== undefined && (typeof name !== "string" || name === "")) {
    throw new ConfigError("name", "must be a word");
  }
  if (onCall !== undefined && typeof onCall !== "function") {
    throw new ConfigError("onCall", "must be a function");
  }
  const isRising =
    Array.isArray(buckets) &&
    buckets.every((each, at) => Number.isFinite(each) && each > (at === 0 ? 0 : buckets[at - 1]));
  if (!isRising) throw new ConfigError("buckets", "must be a list of milliseconds, rising");
  return { name: name ?? storeName, onCall, buckets };
}
