/**
 * Holds actors at their next command, and tells when all of them have come to it.
 *
 * Nothing is polled: an actor is at rest when it waits with a command or has ended, and it says so.
 *
 * @module
 */

import type { Actor, Wire } from "./explorer.ts";

interface Waiting {
  readonly command: string;
  readonly send: () => Promise<unknown>;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
}

/** An actor under way. */
export interface RunningActor {
  readonly name: string;
  /** Commands that have not been let through, in order of arrival. */
  readonly waiting: Waiting[];
  /** A command of this actor is with the backend. */
  sending: boolean;
  done: boolean;
  abandoned: boolean;
  failure: { readonly error: unknown } | undefined;
}

/** Rings when an actor has come to a command, has got a reply or has ended. */
export interface Bell {
  ring(): void;
  /** Resolves with the next ring. */
  rung(): Promise<void>;
}

export function createBell(): Bell {
  let wake: () => void = () => undefined;
  return {
    ring: () => wake(),
    rung: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** Starts an actor. It runs to its first command. */
export function startActor(actor: Actor, bell: Bell): RunningActor {
  const running: RunningActor = {
    name: actor.name,
    waiting: [],
    sending: false,
    done: false,
    abandoned: false,
    failure: undefined,
  };
  const wire: Wire = (command, send) =>
    new Promise((resolve, reject) => {
      if (running.abandoned) throw new Error("the schedule is over");
      running.waiting.push({ command, send, resolve, reject });
      bell.ring();
    });
  void (async () => {
    try {
      await actor.run(wire);
    } catch (error) {
      running.failure = { error };
    }
    running.done = true;
    bell.ring();
  })();
  return running;
}

/** Whether a command of this actor can be let through now. */
export function isReady(actor: RunningActor): boolean {
  return actor.waiting.length > 0 && !actor.sending;
}

/** Lets the first waiting command of an actor through. */
export function letThrough(actor: RunningActor, bell: Bell): void {
  const { send, resolve, reject } = actor.waiting.shift() as Waiting;
  actor.sending = true;
  void (async () => {
    try {
      resolve((await send()) as never);
    } catch (error) {
      reject(error);
    }
    // Only an actor with several commands under way at once: whoever got this reply goes on first.
    if (actor.waiting.length > 0) await new Promise((turn) => setTimeout(turn, 0));
    actor.sending = false;
    bell.ring();
  })();
}

/** Ends what a broken schedule has left waiting, so that it can let go of what it holds. */
export function abandon(actor: RunningActor): void {
  actor.abandoned = true;
  for (const { reject } of actor.waiting.splice(0)) reject(new Error("the schedule is over"));
}

// Far longer than any command takes, so that only a real standstill is called one.
const STANDSTILL = 30_000;

/**
 * Resolves when every actor waits with a command or has ended; with `patience`, also when some have
 * been with the backend for so many milliseconds and another one can go on.
 */
export async function allAtRest(
  actors: readonly RunningActor[],
  bell: Bell,
  patience: number | undefined,
): Promise<void> {
  const atRest = (actor: RunningActor): boolean => actor.done || isReady(actor);
  if (patience !== undefined) {
    if (await ringsUntil(() => actors.every(atRest), bell, patience)) return;
    if (actors.some(isReady)) return;
  }
  if (await ringsUntil(() => actors.every(atRest), bell, STANDSTILL)) return;
  const names = actors.filter((actor) => !atRest(actor)).map(({ name }) => name);
  throw new Error(`no command and no end for ${STANDSTILL / 1000} s from ${names.join(", ")}`);
}

/** Waits for a condition that can change only when the bell rings. @returns false after `ms`. */
async function ringsUntil(condition: () => boolean, bell: Bell, ms: number): Promise<boolean> {
  let timeIsUp = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    while (!condition()) {
      if (timeIsUp) return false;
      timer ??= setTimeout(() => {
        timeIsUp = true;
        bell.ring();
      }, ms);
      await bell.rung();
    }
    return true;
  } finally {
    clearTimeout(timer);
  }
}
