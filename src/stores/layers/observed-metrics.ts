/**
 * Counts, durations and calls in flight of each verb, and their text for Prometheus.
 *
 * @module
 */

export type Verb =
  | "load"
  | "create"
  | "update"
  | "touch"
  | "cutOff"
  | "list"
  | "sweep"
  | "home"
  | "recall"
  | "add"
  | "since";

/** How a call went: `"refused"` is a conditional write that found something else than it expected. */
export type Outcome =
  | "found"
  | "absent"
  | "created"
  | "taken"
  | "cut-off"
  | "done"
  | "refused"
  | "error";

/** What is known about one verb. Numbers only grow, but for `inFlight`. */
export interface VerbMetrics {
  readonly verb: Verb;
  /** Calls that have not ended yet. */
  readonly inFlight: number;
  /** Calls that have ended. */
  readonly calls: number;
  /** The same by how they went. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** How long they took together, in milliseconds. */
  readonly totalMs: number;
  /** How many of them took no longer than that. */
  readonly buckets: readonly { readonly upToMs: number; readonly calls: number }[];
}

export interface Metrics {
  /** @returns the moment, for `end`. */
  begin(verb: Verb): number;
  /** @returns how long the call took, in milliseconds. */
  end(verb: Verb, began: number, outcome: Outcome): number;
  snapshot(): readonly VerbMetrics[];
}

interface Counts {
  inFlight: number;
  calls: number;
  totalMs: number;
  readonly outcomes: Map<Outcome, number>;
  /** Each call in the first bucket that holds it, or in none. */
  readonly buckets: number[];
}

/** @param bounds - of the buckets, in milliseconds, rising. */
export function createMetrics(bounds: readonly number[]): Metrics {
  const verbs = new Map<Verb, Counts>();

  function countsOf(verb: Verb): Counts {
    const known = verbs.get(verb);
    if (known !== undefined) return known;
    const buckets = bounds.map(() => 0);
    const fresh = { inFlight: 0, calls: 0, totalMs: 0, outcomes: new Map(), buckets };
    verbs.set(verb, fresh);
    return fresh;
  }

  return {
    begin(verb) {
      countsOf(verb).inFlight += 1;
      return performance.now();
    },

    end(verb, began, outcome) {
      const ms = performance.now() - began;
      const counts = countsOf(verb);
      counts.inFlight -= 1;
      counts.calls += 1;
      counts.totalMs += ms;
      counts.outcomes.set(outcome, (counts.outcomes.get(outcome) ?? 0) + 1);
      const at = bounds.findIndex((bound) => ms <= bound);
      if (at >= 0) counts.buckets[at] = (counts.buckets[at] as number) + 1;
      return ms;
    },

    snapshot() {
      return [...verbs].map(([verb, { outcomes, buckets, ...counts }]) => {
        let calls = 0;
        return {
          verb,
          ...counts,
          outcomes: Object.fromEntries(outcomes),
          buckets: bounds.map((upToMs, at) => {
            calls += buckets[at] as number;
            return { upToMs, calls };
          }),
        };
      });
    },
  };
}

const CALLS = "coatcheck_store_calls_total";
const SECONDS = "coatcheck_store_call_seconds";
const IN_FLIGHT = "coatcheck_store_calls_in_flight";

/** The text format of Prometheus. Durations are in seconds there. */
export function prometheusText(store: string, metrics: readonly VerbMetrics[]): string {
  const name = escaped(store);
  const lines = (each: (verb: VerbMetrics, labels: string) => readonly string[]): string[] =>
    metrics.flatMap((verb) => each(verb, `store="${name}",verb="${verb.verb}"`));
  return [
    `# HELP ${CALLS} Calls of the store that have ended, by how they went.`,
    `# TYPE ${CALLS} counter`,
    ...lines(({ outcomes }, labels) =>
      Object.entries(outcomes).map(
        ([outcome, calls]) => `${CALLS}{${labels},outcome="${outcome}"} ${calls}`,
      ),
    ),
    `# HELP ${SECONDS} How long calls of the store took.`,
    `# TYPE ${SECONDS} histogram`,
    ...lines(({ buckets, calls, totalMs }, labels) => [
      ...buckets.map((bucket) => {
        return `${SECONDS}_bucket{${labels},le="${bucket.upToMs / 1000}"} ${bucket.calls}`;
      }),
      `${SECONDS}_bucket{${labels},le="+Inf"} ${calls}`,
      `${SECONDS}_sum{${labels}} ${totalMs / 1000}`,
      `${SECONDS}_count{${labels}} ${calls}`,
    ]),
    `# HELP ${IN_FLIGHT} Calls of the store that are under way.`,
    `# TYPE ${IN_FLIGHT} gauge`,
    ...lines(({ inFlight }, labels) => [`${IN_FLIGHT}{${labels}} ${inFlight}`]),
    "",
  ].join("\n");
}

function escaped(label: string): string {
  return label.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
