/**
 * Every pair, and named triples, of actors that race for one session, in every order of commands.
 *
 * @module
 */

import type { Actor, Exploration, ExploreOptions, Wire } from "./explorer.ts";
import { explore } from "./explorer.ts";
import type { RaceActorName } from "./race-actors.ts";
import { RACE_ACTORS } from "./race-actors.ts";
import type { RaceHandle, WorldOptions } from "./race-world.ts";
import { openWorld } from "./race-world.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR } from "./store-scene.ts";

/** Actors that race for one session. */
export interface Race {
  readonly actors: readonly RaceActorName[];
  /** Whose the session is. */
  readonly mainIs: WorldOptions["mainIs"];
}

const PAIRED: readonly RaceActorName[] = [
  "load",
  "list",
  "update",
  "touch",
  "rotate",
  "sign-in",
  "create",
  "close",
  "cut-off",
  "revoke others",
  "expire",
  "sweep",
];

const TRIPLES: readonly (readonly RaceActorName[])[] = [
  ["sign-in", "update", "close"],
  ["sign-in", "update", "touch"],
  ["sign-in", "sign-in", "cut-off"],
  ["sign-in", "close", "cut-off"],
  ["sign-in", "revoke others", "cut-off"],
  ["sign-in", "rotate", "close"],
  ["sign-in", "expire", "sweep"],
  ["cut-off", "create", "touch"],
  ["cut-off", "revoke others", "update"],
  ["cut-off", "revoke others", "other device revokes others"],
  ["revoke others", "close", "create"],
  ["rotate", "rotate", "close"],
  ["rotate", "update", "touch"],
  ["update", "update", "close"],
  ["update", "close", "sweep"],
  ["update", "touch", "sweep"],
  ["update", "expire", "sweep"],
  ["touch", "expire", "sweep"],
  ["touch", "close", "sweep"],
  ["close", "sweep", "sweep"],
  ["list", "create", "close"],
];

const VISITORS_TRIPLES: readonly (readonly RaceActorName[])[] = [
  ["sign-in", "update", "close"],
  ["sign-in", "sign-in", "cut-off"],
  ["sign-in", "touch", "sweep"],
];

/** Every race: all pairs, an actor with itself too, and the named triples. */
export const RACES: readonly Race[] = [
  ...PAIRED.flatMap((a, index) => PAIRED.slice(index).map((b) => race("a user's", a, b))),
  race("a user's", "revoke others", "other device revokes others"),
  ...PAIRED.map((other) => race("a visitor's", "sign-in", other)),
  ...TRIPLES.map((actors) => race("a user's", ...actors)),
  ...VISITORS_TRIPLES.map((actors) => race("a visitor's", ...actors)),
];

function race(mainIs: Race["mainIs"], ...actors: RaceActorName[]): Race {
  return { actors, mainIs };
}

/** `"update × close"`. */
export function raceName({ actors, mainIs }: Race): string {
  return actors.join(" × ") + (mainIs === "a visitor's" ? ", from a visitor's session" : "");
}

/** Runs one race in every order. @throws {ScheduleError} for an order that breaks a promise. */
export async function runRace(
  scene: Scene,
  { actors, mainIs }: Race,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const parts = await openParts(scene, actors);
  let schedule = 0;
  try {
    return await explore(async () => {
      schedule += 1;
      // Every schedule has days of its own, so that its sweeps take nobody else's records.
      await scene.skip(10 * DAY);
      const world = await openWorld({
        store: scene.store,
        now: scene.now,
        expire: () => scene.skip(HOUR),
        schedule,
        mainIs,
      });
      return {
        actors: parts.map(({ name, actor, handle }): Actor => {
          return {
            name,
            run: (wire) => RACE_ACTORS[actor](world, handle(wire), name, wire),
          };
        }),
        afterStep: () => world.checkStep(),
        check: () => world.checkEnd(),
      };
    }, options);
  } finally {
    for (const { close } of parts) await close();
  }
}

interface Part {
  readonly name: string;
  readonly actor: RaceActorName;
  /** The actor's handle, with its commands on this wire. */
  handle(wire: Wire): RaceHandle;
  close(): Promise<void>;
}

/** A handle for every actor: over the wire command by command, or else verb by verb. */
async function openParts(
  { fixture, store, other }: Scene,
  actors: readonly RaceActorName[],
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const [index, actor] of actors.entries()) {
    const name =
      actors.indexOf(actor) === actors.lastIndexOf(actor) ? actor : `${actor} ${index + 1}`;
    if (fixture.wired === undefined) {
      const own = index % 2 === 0 ? store : other;
      const handle = (wire: Wire): RaceHandle => ({
        store: own,
        turn: (verb) => wire(verb, async () => undefined),
      });
      parts.push({ name, actor, handle, close: async () => undefined });
      continue;
    }
    // Opened once; each schedule puts its own wire behind it.
    let current = direct;
    const wired = await fixture.wired((command, send) => current(command, send));
    const handle = (wire: Wire): RaceHandle => {
      current = wire;
      return { store: wired, turn: async () => undefined };
    };
    const close = (): Promise<void> => {
      current = direct;
      return wired.close();
    };
    parts.push({ name, actor, handle, close });
  }
  return parts;
}

/** A wire that holds nothing back. */
const direct: Wire = (_command, send) => send();
