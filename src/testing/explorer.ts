/**
 * Tries every order in which a few actors can send their commands to a backend.
 *
 * An actor is an async function whose every command passes a wire. The explorer lets one command
 * through at a time: it waits until each actor has come to its next command or has ended, picks one,
 * and begins again from a fresh scenario until the tree of picks is exhausted (stateless model
 * checking, depth first). Nothing is sampled and nothing is pruned: the number of schedules is the
 * number of leaves.
 *
 * @module
 */

import { abandon, allAtRest, createBell, isReady, letThrough, startActor } from "./stepping.ts";

/** Takes one command to the backend. Whoever owns the wire decides when, and how often. */
export type Wire = <Reply>(command: string, send: () => Promise<Reply>) => Promise<Reply>;

/** Somebody who uses the backend at the same time as others. */
export interface Actor {
  /** Stands in schedules, before the name of each command. */
  readonly name: string;
  /** Sends every command through the wire, one after another. */
  run(wire: Wire): Promise<void>;
}

/** One fresh start of a race. */
export interface Scenario {
  readonly actors: readonly Actor[];
  /** Looks at the backend after each command. Throws when something is wrong. */
  afterStep?(): Promise<void>;
  /** Looks at the backend when all actors have ended. Throws when something is wrong. */
  check(): Promise<void>;
}

export interface ExploreOptions {
  /**
   * More schedules than this are an error: then the race has to be made smaller.
   *
   * @default 100000
   */
  readonly budget?: number;
  /**
   * Only for backends where one command waits for another's end (row locks): after so many
   * milliseconds without an answer an actor counts as waiting, and the others go on.
   *
   * @default none: every command is expected to end by itself
   */
  readonly patience?: number;
}

/** What was tried. */
export interface Exploration {
  /** How many schedules there are; all of them ran. */
  readonly schedules: number;
  /** The most commands in one schedule. */
  readonly longest: number;
}

/** A schedule that breaks a promise. The promise is the `cause`. */
export class ScheduleError extends Error {
  /** The commands in the order in which they were let through. */
  readonly schedule: readonly string[];

  constructor(schedule: readonly string[], tried: number, cause: unknown) {
    const steps = schedule.map((step, index) => `  ${index + 1}. ${step}`).join("\n");
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`schedule ${tried}: ${reason}\n${steps}`, { cause });
    this.name = "ScheduleError";
    this.schedule = schedule;
  }
}

/**
 * Runs the scenario once for every order of its actors' commands.
 *
 * @param start - makes a fresh scenario; the same orders must lead to the same commands
 * @throws {ScheduleError} for the first schedule that breaks a promise.
 */
export async function explore(
  start: () => Promise<Scenario>,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const { budget = 100_000, patience } = options;
  const path: Pick[] = [];
  let schedules = 0;
  let longest = 0;
  do {
    if (schedules === budget) {
      throw new Error(`more than ${budget} schedules: make the race smaller or raise the budget`);
    }
    schedules += 1;
    longest = Math.max(longest, await runSchedule(await start(), path, schedules, patience));
  } while (advance(path));
  return { schedules, longest };
}

/** One node of the tree on the way to the present leaf. */
interface Pick {
  readonly choices: readonly string[];
  taken: number;
}

/** Moves on to the next leaf. @returns false when there is none. */
function advance(path: Pick[]): boolean {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    last.taken += 1;
    if (last.taken < last.choices.length) return true;
    path.pop();
  }
  return false;
}

/** Runs one schedule: along the path as far as it goes, then always the first. @returns its length. */
async function runSchedule(
  scenario: Scenario,
  path: Pick[],
  tried: number,
  patience: number | undefined,
): Promise<number> {
  const bell = createBell();
  const actors = scenario.actors.map((actor) => startActor(actor, bell));
  const schedule: string[] = [];
  try {
    for (;;) {
      await allAtRest(actors, bell, patience);
      for (const { failure } of actors) if (failure !== undefined) throw failure.error;
      if (schedule.length > 0) await scenario.afterStep?.();
      const ready = actors.filter(isReady);
      if (ready.length === 0) break;
      // One that waits by asking again and again goes on for ever where it is always picked first.
      if (schedule.length === MOST_COMMANDS)
        throw new Error(`no end after ${MOST_COMMANDS} commands`);
      const choices = ready.map(({ name, waiting }) => `${name}: ${waiting[0]?.command}`);
      const pick = pickAt(path, schedule.length, choices);
      schedule.push(choices[pick.taken] as string);
      letThrough(ready[pick.taken] as (typeof ready)[number], bell);
    }
    await scenario.check();
    return schedule.length;
  } catch (cause) {
    throw new ScheduleError(schedule, tried, cause);
  } finally {
    for (const actor of actors) abandon(actor);
  }
}

// Nobody could try every order of so many.
const MOST_COMMANDS = 1000;

function pickAt(path: Pick[], depth: number, choices: readonly string[]): Pick {
  const known = path[depth];
  if (known === undefined) {
    const pick = { choices, taken: 0 };
    path.push(pick);
    return pick;
  }
  // A tree that changes between runs can't be walked: parts of it would be missed in silence.
  if (known.choices.join("\n") !== choices.join("\n")) {
    throw new Error(
      `not deterministic: [${known.choices.join(", ")}] became [${choices.join(", ")}]`,
    );
  }
  return known;
}
