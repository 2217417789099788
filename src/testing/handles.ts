/**
 * The handles that a test of a store has open: each call of them ends, one way or the other, and none
 * is left open when the test is over, however it went.
 *
 * @module
 */

import type { Revocations, SessionStore } from "../stores/contract.ts";
import { ExpectationError } from "./expect.ts";
import type { StoreFixture } from "./store-fixture.ts";

// Far longer than any call takes, also one that waits for hundreds of others. Some runners know no
// limit of their own, and would wait for ever for a store that does not answer.
const STANDSTILL = 60_000;

type Handle = SessionStore & Partial<Revocations>;

export interface Handles {
  /** What the fixture gives; the suite sees no handle but these. */
  readonly fixture: StoreFixture;
  /** Closes those that are open, the latest first, each even if another one fails to. */
  close(): Promise<void>;
  /** Closes them and lets the fixture tidy up, even if one fails to close. */
  dispose(): Promise<void>;
}

/** Watches over the handles of one fixture. */
export function watchHandles(given: StoreFixture): Handles {
  const open: Handle[] = [];

  function watch(handle: Handle): Handle {
    const watched = new Proxy(handle, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          // Whoever closes it, and however that goes: nobody closes it again.
          if (key === "close") forget(watched);
          const answer: unknown = value.apply(target, args);
          // What is there at once stays so.
          return answer instanceof Promise ? ended(answer, `\`${String(key)}\``) : answer;
        };
      },
    });
    open.push(watched);
    return watched;
  }

  function forget(handle: Handle): void {
    const at = open.indexOf(handle);
    if (at !== -1) open.splice(at, 1);
  }

  async function opened<Opened extends SessionStore>(
    name: string,
    opening: Promise<Opened>,
  ): Promise<Opened> {
    return watch(await ended(opening, `\`${name}\` of the fixture`)) as Opened;
  }

  async function close(): Promise<void> {
    await allOf(open.toReversed().map((handle) => async () => await handle.close()));
  }

  const { another, wired, elsewhere, advanceClock, crowd, dispose } = given;
  return {
    fixture: {
      store: watch(given.store),
      ...(crowd !== undefined && { crowd }),
      ...(advanceClock && { advanceClock: (ms) => advanceClock.call(given, ms) }),
      ...(another && { another: () => opened("another", another.call(given)) }),
      ...(wired && { wired: (wire) => opened("wired", wired.call(given, wire)) }),
      ...(elsewhere && { elsewhere: () => opened("elsewhere", elsewhere.call(given)) }),
    },
    close,
    async dispose() {
      await allOf([
        close,
        async () => await ended(Promise.resolve(dispose?.call(given)), "`dispose` of the fixture"),
      ]);
    },
  };
}

/** Takes every step, one after the other. @throws the first of their errors, when all are taken. */
export async function allOf(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** The same answer, or an error that says who has not given one. */
export async function ended<Answer>(answer: Promise<Answer>, who: string): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `${who} has given no answer for ${STANDSTILL / 1000} s`;
    timer = setTimeout(() => reject(new ExpectationError(message)), STANDSTILL);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
