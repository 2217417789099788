/**
 * Trouble on order: a store that fails, answers late, or is sent the same call twice.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import type { Revocations, SessionStore } from "../stores/contract.ts";
import { show } from "./expect.ts";
import type { StoreCall, Verb } from "./verbs.ts";
import { aroundVerbs, isVerb } from "./verbs.ts";

/** What goes wrong with one call. */
export type Fault =
  /** It fails and nothing has happened. */
  | "before"
  /** It fails, and has happened. */
  | "after"
  /** It happens, its reply is lost, and the client sends it again: the second reply is the answer. */
  | "resent"
  /** It reaches the backend only when the gate opens. */
  | { readonly heldBy: Gate }
  /** It happens at once and is answered when the gate opens. */
  | { readonly answeredAfter: Gate };

/** One call of a faulty store, and which one of its verb it is: 1 for the first. */
export interface CountedCall extends StoreCall {
  readonly count: number;
}

/** Decides what goes wrong with a call; `undefined` for nothing. */
export type FaultPlan = (call: CountedCall) => Fault | undefined;

/** Something a test opens once. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** What a faulty store rejects with: nothing a caller could know beforehand. */
export class InjectedError extends Error {
  constructor(call: StoreCall, fault: string) {
    super(`injected: \`${call.verb}\` failed ${fault} its effect`);
    this.name = "InjectedError";
  }
}

/**
 * The same store, with the trouble that the plan orders.
 *
 * @example
 * ```ts
 * const store = faulty(memoryStore(), nthCall("update", 1, "after"));
 * ```
 */
export function faulty<Store extends SessionStore & Partial<Revocations>>(
  store: Store,
  plan: FaultPlan,
): Store {
  const counts = new Map<Verb, number>();
  return aroundVerbs(store, async (call, invoke) => {
    const count = (counts.get(call.verb) ?? 0) + 1;
    counts.set(call.verb, count);
    const fault = plan({ ...call, count });
    if (fault === undefined) return await invoke();
    if (fault === "before") throw new InjectedError(call, fault);
    if (typeof fault === "object" && "heldBy" in fault) {
      await fault.heldBy.opened;
      return await invoke();
    }
    const reply = await invoke();
    if (fault === "after") throw new InjectedError(call, fault);
    if (fault === "resent") return await invoke();
    await fault.answeredAfter.opened;
    return reply;
  });
}

/**
 * A plan for one call: the n-th of a verb, counted from 1.
 *
 * @throws {UsageError} for what would never strike.
 */
export function nthCall(verb: Verb, nth: number, fault: Fault): FaultPlan {
  if (!isVerb(verb)) throw new UsageError(`\`nthCall\` takes a verb of a store, not ${show(verb)}`);
  if (!Number.isInteger(nth) || nth < 1) throw new UsageError("`nthCall` counts calls from 1");
  checkFault("nthCall", fault);
  return (call) => (call.verb === verb && call.count === nth ? fault : undefined);
}

/** A plan that can be switched: a store that is down for a while. */
export interface Outage {
  readonly plan: FaultPlan;
  begin(): void;
  end(): void;
}

/**
 * Creates an outage that has not begun.
 *
 * @param fault - what every call gets while it lasts
 * @default fault: "before"
 */
export function outage(fault: Fault = "before"): Outage {
  checkFault("outage", fault);
  let lasting = false;
  return {
    plan: () => (lasting ? fault : undefined),
    begin() {
      lasting = true;
    },
    end() {
      lasting = false;
    },
  };
}

/** A fault that is none would be found out only when it strikes, as trouble of the store. */
function checkFault(call: string, fault: unknown): void {
  if (fault === "before" || fault === "after" || fault === "resent") return;
  const isHeld = typeof fault === "object" && fault !== null;
  if (isHeld && ("heldBy" in fault || "answeredAfter" in fault)) return;
  const faults = '"before", "after", "resent", `heldBy` or `answeredAfter` a gate';
  throw new UsageError(`\`${call}\` takes a fault: ${faults}, not ${show(fault)}`);
}

/** Creates a gate that is shut. */
export function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
