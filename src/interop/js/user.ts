/**
 * Where a foreign session says whose it is, by the libraries that people sign in with.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { methodsOption } from "../options.ts";
import { own } from "./own.ts";

/** Reads the user id out of the data of a session, and writes it there. */
export interface UserField {
  read(data: Readonly<Record<string, unknown>>): string | undefined;
  /** A copy of the data that says so. One that says so already is kept as it is, type included. */
  write(data: Readonly<Record<string, unknown>>, userId: string): Readonly<Record<string, unknown>>;
}

/**
 * passport: `{"passport": {"user": …}}`, what `serializeUser` gave: an id, or an object with its `id`.
 *
 * @see https://github.com/jaredhanson/passport/blob/v0.7.0/lib/sessionmanager.js
 */
export const passportUser: UserField = {
  read: (data) => serializedId(own(own(data, "passport"), "user")),
  write(data, userId) {
    if (passportUser.read(data) === userId) return data;
    const { passport } = data;
    const others = typeof passport === "object" && passport !== null ? passport : {};
    return { ...data, passport: { ...others, user: userId } };
  },
};

/**
 * @fastify/passport: `{"passport": …}`, what `registerUserSerializer` gave: an id, or an object with
 * its `id`.
 *
 * @see https://github.com/fastify/fastify-passport/blob/v3.0.2/src/session-managers/SecureSessionManager.ts
 */
export const fastifyPassportUser: UserField = {
  read: (data) => serializedId(own(data, "passport")),
  write: (data, userId) =>
    fastifyPassportUser.read(data) === userId ? data : { ...data, passport: userId },
};

/**
 * The place in the data that holds the id: `userAt("userId")` for `session.userId`, and
 * `userAt("user", "id")` for `session.user.id`.
 */
export function userAt(...path: readonly [string, ...string[]]): UserField {
  if (path.length === 0 || !path.every((key) => typeof key === "string" && key !== "")) {
    throw new ConfigError("user", 'must name keys, as in userAt("user", "id")');
  }
  const read = (data: Readonly<Record<string, unknown>>): string | undefined =>
    textId(path.reduce<unknown>(own, data));
  return {
    read,
    write: (data, userId) => (read(data) === userId ? data : changed(data, path, userId)),
  };
}

/** For libraries that say nothing about users, and apps that do not want it said. */
export const noUser: UserField = { read: () => undefined, write: (data) => data };

/** The option `user` of a source. @throws {ConfigError} */
export function userOption(given: UserField | undefined, preset: UserField): UserField {
  return methodsOption("user", given === undefined ? preset : given, ["read", "write"]);
}

/** Of passport's own examples most keep `{ id, username }`. */
function serializedId(value: unknown): string | undefined {
  return textId(value) ?? textId(own(value, "id"));
}

/** A number stands for its decimal text: databases count their users. */
function textId(value: unknown): string | undefined {
  if (typeof value === "string" && value !== "") return value;
  return Number.isSafeInteger(value) || typeof value === "bigint" ? String(value) : undefined;
}

function changed(
  data: unknown,
  [key, ...rest]: readonly [string, ...string[]],
  value: string,
): Record<string, unknown> {
  const others = typeof data === "object" && data !== null ? data : {};
  const [next, ...further] = rest;
  const inner = next === undefined ? value : changed(own(data, key), [next, ...further], value);
  return { ...others, [key]: inner };
}
