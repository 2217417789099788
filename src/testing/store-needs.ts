/**
 * What a test needs of a store or its fixture, and how its absence is called.
 *
 * @module
 */

import type { StoreFixture } from "./store-fixture.ts";
import type { Scene } from "./store-scene.ts";

/** Something that not every store has. */
export type Need =
  | "conditional writes"
  | "a clock of its own"
  | "no clock of its own"
  | "survival of a restart"
  | "another handle"
  | "another namespace"
  | "a wire"
  | "a home"
  | "watch"
  | "revocations";

/** One sentence of the contract as a test. */
export interface ContractTest {
  readonly name: string;
  readonly needs?: readonly Need[];
  run(scene: Scene): Promise<void>;
}

/** Why a test with this need is skipped; `undefined` when it can run. */
export function skipReason(need: Need, fixture: StoreFixture): string | undefined {
  const { store } = fixture;
  const { conditionalWrites, ownClock, forgets } = store.traits;
  switch (need) {
    case "conditional writes":
      return conditionalWrites ? undefined : "trait conditionalWrites is false";
    case "a clock of its own":
      return ownClock ? undefined : "trait ownClock is false";
    case "no clock of its own":
      return ownClock ? "trait ownClock is true" : undefined;
    case "survival of a restart":
      return forgets.includes("restart") ? 'trait forgets has "restart"' : undefined;
    case "another handle":
      return fixture.another === undefined ? "the fixture has no `another`" : undefined;
    case "another namespace":
      return fixture.elsewhere === undefined ? "the fixture has no `elsewhere`" : undefined;
    case "a wire":
      return fixture.wired === undefined ? "the fixture has no `wired`" : undefined;
    case "a home":
      return store.home === undefined ? "the store has no `home`" : undefined;
    case "watch":
      return store.watch === undefined ? "the store has no `watch`" : undefined;
    case "revocations":
      return store.add === undefined ? "the store has no `add`" : undefined;
  }
}
