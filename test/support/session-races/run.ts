/**
 * Runs one race of sessions in every order of the commands that its processes send to the store.
 *
 * @module
 */

import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import type { TestClock } from "../../../src/testing/clock.ts";
import type { Actor, Exploration, ExploreOptions } from "../../../src/testing/explorer.ts";
import { explore } from "../../../src/testing/explorer.ts";
import type { ActorName } from "./actors.ts";
import { ACTORS } from "./actors.ts";
import type { Process, ProcessOptions } from "./process.ts";
import { startProcess } from "./process.ts";
import type { Start } from "./world.ts";
import { openWorld } from "./world.ts";

export interface SessionRace {
  readonly actors: readonly ActorName[];
  readonly start: Start;
  /**
   * Whether requests may also arrive after others have acted; else all are there from the beginning.
   *
   * @default true for two actors
   */
  readonly arrive?: boolean;
}

export type AnyStore = SessionStore & Partial<Revocations>;

/** What a race is run on. */
export interface Track {
  readonly clock: TestClock;
  /** Looks on, and sets the scene. */
  readonly store: AnyStore;
  /** A store handle for another process on the same backend. */
  another(): AnyStore;
  /** What each process puts around its handle. */
  readonly layer?: ProcessOptions["layer"];
}

/** `"update × sign-in, a visitor's"`. */
export function raceName({ actors, start }: SessionRace): string {
  return `${actors.join(" × ")}, ${start}`;
}

/** @throws {ScheduleError} for an order that breaks a promise. */
export async function runSessionRace(
  { clock, store, another, layer }: Track,
  { actors, start, arrive = actors.length < 3 }: SessionRace,
  explorer: ExploreOptions = {},
): Promise<Exploration> {
  const rotates = start === "a user's, rotation due" || start === "a user's, just rotated";
  const rotateEvery = rotates ? "1h" : "never";
  const options: ProcessOptions = { clock: clock.now, rotateEvery, layer };
  // Whoever judges by the feed mirrors it for some seconds, so the observer must not have looked before.
  const hasFeed = actors.includes("revokeEveryone");
  const begin = (handle: AnyStore): Process =>
    startProcess(hasFeed ? handle : withoutFeed(handle), options);
  const desk = begin(store);
  const kept = begin(store);
  const processes = actors.map(() => begin(another()));
  return await explore(async () => {
    // Every schedule has days of its own, in which nothing of the one before is left.
    clock.advance("100d");
    while ((await store.sweep(1000, clock.now())) > 0);
    const observer = (): Process => (hasFeed ? begin(store) : kept);
    const world = await openWorld({ clock, start, desk, observer });
    return {
      actors: actors.map((actor, index): Actor => {
        const process = processes[index] as Process;
        const isAlone = actors.indexOf(actor) === actors.lastIndexOf(actor);
        const name = isAlone ? actor : `${actor} ${index + 1}`;
        return {
          name,
          async run(wire) {
            process.connect(wire, world.history.hear);
            await ACTORS[actor]({ name, world, process, wire, isThere: !arrive });
          },
        };
      }),
      check: () => world.check(),
    };
  }, explorer);
}

/** For stored sessions the feed tells one thing only: that everyone is out. */
function withoutFeed({ add: _add, since: _since, ...store }: AnyStore): AnyStore {
  return store;
}
