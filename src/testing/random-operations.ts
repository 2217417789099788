/**
 * Random sequences of store calls, as data, so that they can be repeated and made shorter.
 *
 * @module
 */

import type { SeededRandom } from "./random.ts";
import { DAY, HOUR, MINUTE } from "./store-scene.ts";

/** One call, in terms of the sequence: sessions and users by number, times from now. */
export type Operation =
  | { readonly verb: "load"; readonly session: number }
  | {
      readonly verb: "create";
      readonly session: number;
      readonly life: number;
      readonly late: boolean;
    }
  | {
      readonly verb: "update";
      readonly session: number;
      readonly off: number;
      readonly life: number;
      readonly seen: number;
      readonly close: boolean;
    }
  | {
      readonly verb: "touch";
      readonly session: number;
      readonly seen: number;
      readonly life: number;
    }
  | { readonly verb: "cutOff"; readonly user: number; readonly except: number | undefined }
  | { readonly verb: "list"; readonly user: number | undefined; readonly limit: number }
  | { readonly verb: "sweep"; readonly limit: number }
  | { readonly verb: "wait"; readonly ms: number };

const LENGTH = 200;
/** How many sessions a sequence plays with. */
export const SESSIONS = 12;
/** Whose they are, in turn; the last one is a visitor. */
const USERS: readonly (string | undefined)[] = ["ada", "bob", "a\u0000🧥", undefined];

/** A sequence. The same choices give the same one. */
export function randomOperations(random: SeededRandom): Operation[] {
  const session = (): number => random.below(SESSIONS);
  const life = (): number => random.pick([MINUTE, HOUR, DAY]);
  const seen = (): number => random.pick([-MINUTE, 0, MINUTE]);
  const make: readonly (() => Operation)[] = [
    () => ({ verb: "load", session: session() }),
    () => ({ verb: "create", session: session(), life: life(), late: random.chance(20) }),
    () => ({ verb: "create", session: session(), life: life(), late: false }),
    () => ({
      verb: "update",
      session: session(),
      off: random.pick([0, 0, 0, 0, 1, -1]),
      life: life(),
      seen: seen(),
      close: random.chance(15),
    }),
    () => ({ verb: "touch", session: session(), seen: seen(), life: life() - MINUTE }),
    () => ({
      verb: "cutOff",
      user: random.below(USERS.length - 1),
      except: random.chance(60) ? session() : undefined,
    }),
    () => ({
      verb: "list",
      user: random.chance(70) ? random.below(USERS.length - 1) : undefined,
      limit: 1 + random.below(5),
    }),
    () => ({ verb: "sweep", limit: 1 + random.below(5) }),
    () => ({ verb: "wait", ms: random.pick([1, MINUTE, HOUR]) }),
  ];
  return Array.from({ length: LENGTH }, () => random.pick(make)());
}

/** Whose a session is. */
export function ownerOf(session: number): string | undefined {
  return USERS[session % USERS.length];
}
