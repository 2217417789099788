/**
 * What the author of a store hands to the suite, and what comes back: tests as plain data.
 *
 * @module
 */

import type { Revocations, SessionStore } from "../stores/contract.ts";
import type { Wire } from "./explorer.ts";

/** A fresh store on a real backend. Only `store` is needed; each of the others lets more be tested. */
export interface StoreFixture {
  /** Keeps nothing yet. The suite closes it. */
  readonly store: SessionStore & Partial<Revocations>;
  /** A further handle on the same backend, as another process would open it. The suite closes it. */
  another?(): Promise<SessionStore & Partial<Revocations>>;
  /**
   * A handle whose every command to the backend passes `wire`, for stores whose verbs take more than
   * one: `wired: async (wire) => myStore({ client: { send: (c) => wire(c.name, () => client.send(c)) } })`.
   * Races and faults then happen between commands, not only between verbs. The suite closes it.
   */
  wired?(wire: Wire): Promise<SessionStore>;
  /** A handle on the same backend in another namespace. The suite closes it. */
  elsewhere?(): Promise<SessionStore>;
  /** Moves the clock of a store that has its own; without it the suite waits for real. */
  advanceClock?(ms: number): void | Promise<void>;
  /**
   * How many write over one revision at the same time in the largest storm. All but one of them try
   * again, so its cost grows with the square: for backends where a command takes long.
   *
   * @default 500
   */
  readonly crowd?: number;
  /** Ends what the fixture itself has started, after every handle was closed. */
  dispose?(): void | Promise<void>;
}

export interface StoreSuiteOptions {
  /** Opens a fresh, empty store; called at least once per test. */
  open(): StoreFixture | Promise<StoreFixture>;
  /**
   * The first seed of the random sequences that are compared with the model.
   *
   * @default 1
   */
  readonly seed?: number;
  /**
   * How many random sequences are compared with the model.
   *
   * @default 20
   */
  readonly sequences?: number;
  /**
   * The most schedules that one race may have.
   *
   * @default 100000
   */
  readonly budget?: number;
  /**
   * Only for backends where one command waits for another's end (row locks): milliseconds after
   * which a command without an answer counts as waiting.
   *
   * @default none
   */
  readonly patience?: number;
  /** Is told how many schedules each race had. */
  readonly onRace?: (race: RaceReport) => void;
}

/** How much was tried in one race. */
export interface RaceReport {
  /** The actors, such as `"update × close"`. */
  readonly race: string;
  /** How many orders of their commands there are; every one was tried. */
  readonly schedules: number;
}

/** One test, for any runner. */
export interface StoreTest {
  /** A sentence: the verb or topic, and what it does. Tags such as P5 name a promise. */
  readonly name: string;
  /** Why the test can't be run on this store: a trait, or something that the fixture lacks. */
  readonly skip: string | undefined;
  /** Resolves when the promise holds. Tests share nothing and may run in any order. */
  run(): Promise<void>;
}
