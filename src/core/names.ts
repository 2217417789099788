/**
 * Names that do not exist on a session, and what to write instead.
 *
 * A forgotten `await` must not let anyone in: `if (!req.session.userId)` throws instead of being
 * true or false. Names that other libraries look for throw with the mend, and in development so
 * does every unknown name. An unknown option of a call always throws.
 *
 * @module
 */

import { listOf, UsageError } from "../errors.ts";

const VALUES = ["userId", "id", "isNew", "isStale", "info", "refusal"] as const;
const METHODS = ["get", "has", "keys", "all", "set", "delete", "clear"] as const;

// As it is named in most frameworks: this one hears of none.
const LOAD = "first, as in `const session = await req.session.load()`";

/** The mend for each name that must not be used on a handle. */
const ON_HANDLE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [...VALUES, ...METHODS].map((name) => [
      name,
      `\`${name}\` is on the loaded session; load it ${LOAD}`,
    ]),
  ),
  passport:
    "`passport` is not kept here: use passport with `session: false` and no `passport.session()` (before passport 0.6 no `initialize()` either), then `await req.session.signIn(userId)`",
  user: "`user` is not kept here: `(await req.session.load()).userId` says who it is",
  cookie: "`cookie` is not kept here: cookie options are options of `createSessions`",
  regenerate:
    "`regenerate` is not needed: `await req.session.signIn(userId)` always makes a new session id",
  save: "`save` is not needed: changes are written before the first byte. By hand it is `await req.session.commit()`",
  destroy: "`destroy` is `await req.session.signOut()` here",
  touch: "`touch` is not needed: a session's use is written by itself",
  data: `\`data\` does not exist: load the session ${LOAD}, then use \`session.get(key)\``,
};

const ON_LOADED: Readonly<Record<string, string>> = {
  passport: ON_HANDLE["passport"] as string,
  user: "`user` is not kept here: `session.userId` says who it is",
  cookie: ON_HANDLE["cookie"] as string,
  regenerate: ON_HANDLE["regenerate"] as string,
  save: ON_HANDLE["save"] as string,
  destroy: ON_HANDLE["destroy"] as string,
  data: "`data` does not exist: use `session.get(key)` and `session.set(key, value)`",
};

/** The options of a call, each with the values that it may have; none where the call itself looks. */
export type CallOptions = Readonly<Record<string, readonly unknown[]>>;

export const FLAG = [true, false] as const;
export const POLICY = ["closed", "anonymous", "stale"] as const;

/**
 * Looks at the options of a call. With none, as at most requests, it costs nothing.
 *
 * @throws {UsageError} for a name that is none of theirs, such as a misspelt `revokeOthers`, and for a
 *   value that one cannot have: a misspelt one must not be the default, which may let somebody go on.
 */
export function checkOptions(call: string, given: unknown, known: CallOptions): void {
  if (given === undefined) return;
  const names = () => Object.keys(known).join(", ");
  if (typeof given !== "object" || given === null) {
    throw new UsageError(`\`${call}\` takes an object with any of ${names()}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    throw new UsageError(`\`${call}\` takes no \`${name}\`; there are ${names()}`);
  }
  for (const [name, values] of Object.entries(known)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || values.length === 0 || values.includes(value)) continue;
    throw new UsageError(`\`${call}\` takes \`${name}\`: ${listOf(values)}`);
  }
}

/** Defines accessors that throw with the mend. */
export function refuseForeignNames(prototype: object, face: "handle" | "loaded"): void {
  for (const [name, mend] of Object.entries(face === "handle" ? ON_HANDLE : ON_LOADED)) {
    if (name in prototype) continue;
    const refuse = (): never => {
      throw new UsageError(mend);
    };
    Object.defineProperty(prototype, name, { get: refuse, set: refuse, configurable: true });
  }
}

// What languages, test runners and consoles look for on any object: with a sign before it, React's and Immutable.js's.
const HARMLESS = /^([$@].*|then|asymmetricMatch|nodeType|tagName|hasAttribute|_isMockFunction)$/;

/** In development: every unknown name throws, read or written. */
export function guardNames<Face extends object>(face: Face, what: "handle" | "loaded"): Face {
  const explain = (name: string): UsageError =>
    new UsageError(
      what === "handle"
        ? `\`${name}\` does not exist on the handle; load the session ${LOAD}`
        : `\`${name}\` does not exist on a session: use \`session.get(${JSON.stringify(name)})\` and \`session.set\``,
    );
  return new Proxy(face, {
    get(target, name, receiver) {
      if (typeof name === "string" && !(name in target) && !HARMLESS.test(name))
        throw explain(name);
      return Reflect.get(target, name, receiver);
    },
    set(target, name, value, receiver) {
      if (typeof name === "string" && !(name in target)) throw explain(name);
      return Reflect.set(target, name, value, receiver);
    },
  });
}
