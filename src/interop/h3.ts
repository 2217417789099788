/**
 * The sessions of h3 1 and 2, and so of Nitro and Nuxt: JSON, encrypted and authenticated, in the cookie.
 *
 * The value is a seal of the iron kind without a password id: 8192 iterations in version 2, one in
 * version 1. It holds `{"id", "createdAt", "lastSeenAt"?, "data"}`, times in milliseconds. Version 2
 * cuts what is too long: the cookie is then `__chunked__<n>` and the parts are `<name>.1` to `<name>.n`.
 *
 * @see https://github.com/h3js/h3/blob/v2.0.0/src/utils/session.ts
 * @module
 */

import { ConfigError, SessionTooLargeError } from "../errors.ts";
import { namesIn } from "./js/chunked.ts";
import { decodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import { IRON_MIN_PASSWORD, openIron, sealIron } from "./js/iron.ts";
import type { JsonObject } from "./js/json.ts";
import { MAX_COOKIE_CHARACTERS, writeJson } from "./js/json.ts";
import { own, ownText } from "./js/own.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { noUser, userOption } from "./js/user.ts";
import { ageOption, choiceOption, sourceOptions } from "./options.ts";
import type { ForeignCookie, ForeignSource, ReadCookie, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** The app's session configuration, where it is of concern. */
export interface H3SessionOptions {
  /** At least 32 characters. h3 knows no rotation: the first one seals, the others are for yours. */
  readonly password: string | readonly string[];
  /** @default "h3" (Nuxt: "nuxt-session") */
  readonly name?: string;
  /** Seconds from the session's beginning to its end. @default no end */
  readonly maxAge?: number;
  /** Seconds without use that end it; version 2 only. @default no end */
  readonly idleTimeout?: number;
  /** Which h3 the app runs. With 2, seals of 1 are read as well, as h3 2 does. @default 2 */
  readonly version?: 1 | 2;
  readonly cookie?: ForeignCookieOptions;
  /** Where the data says whose session it is, such as `userAt("user", "id")`. @default nowhere */
  readonly user?: UserField;
}

const KNOWN = ["password", "name", "maxAge", "idleTimeout", "version", "cookie", "user"] as const;
const THEIRS = ["crypto", "generateId", "sessionHeader"];

/** What a seal of h3 holds. */
export interface H3Content {
  readonly id: string;
  readonly createdAt: number;
  readonly lastSeenAt?: number;
  readonly data: JsonObject;
}

const ITERATIONS = { 1: [1], 2: [8192, 1] } as const;
const CHUNKED = "__chunked__";
const CHUNK_CHARACTERS = 4_000;
/** The longest that is read takes five. Each is looked for in the whole header, so nobody may ask for a thousand. */
const MAX_CHUNKS = 16;

/**
 * The sessions of an app with h3, Nitro or Nuxt, for adopting and sharing. The header that h3 takes a
 * session from as well (`x-h3-session`) is not read.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * h3Session({ name: "nuxt-session", password: process.env.NUXT_SESSION_PASSWORD, version: 1 });
 * ```
 */
export function h3Session(options: H3SessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, THEIRS);
  const { name = "h3", idleTimeout } = options ?? {};
  const passwords = checkedPasswords(options?.password);
  const version = choiceOption("version", options.version, [1, 2], 2);
  const iterations = ITERATIONS[version];
  const user = userOption(options.user, noUser);
  const maxAge = ageOption("maxAge", options.maxAge, "seconds", 0) * 1000;
  const idle = ageOption("idleTimeout", idleTimeout, "seconds", 0) * 1000;
  if (version === 1 && idleTimeout !== undefined) {
    throw new ConfigError("idleTimeout", "has no effect with `version: 1`, which knows none");
  }
  const attributes = foreignAttributes(name, options.cookie, {
    secure: true,
    ...(version === 2 ? { sameSite: "lax" } : {}),
  });

  function endOf({ createdAt, lastSeenAt = createdAt }: Omit<H3Content, "data" | "id">) {
    const ends = [maxAge > 0 ? createdAt + maxAge : [], idle > 0 ? lastSeenAt + idle : []].flat();
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  async function openAny(text: string, now: number): Promise<H3Content | Refused> {
    let answer: H3Content | Refused = refuse("forged", "there is no password");
    for (const password of passwords) {
      answer = await openWith(text, password, iterations, now);
      if (!isRefused(answer) || answer.refused !== "forged") return answer;
    }
    return answer;
  }

  return {
    name: "h3",
    cookieNames: [name],
    attributes,
    reserved: [],

    async open(cookie, now) {
      const found = gathered(cookie, name);
      if (isRefused(found)) return found;
      const content = await openAny(found.text, now);
      if (isRefused(content)) return content;
      const expiresAt = endOf(content);
      if (expiresAt !== undefined && expiresAt < now) {
        return refuse("expired", "the session's time is over");
      }
      const { id, data, createdAt, lastSeenAt } = content;
      const userId = user.read(data);
      return {
        data,
        identity: id,
        createdAt,
        cookieNames: found.cookieNames,
        persistent: maxAge > 0 || idle > 0,
        origin: { id, createdAt, cookieNames: found.cookieNames },
        ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
        ...(userId === undefined ? {} : { userId }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const id = ownText(draft.origin, "id") ?? crypto.randomUUID();
      const began = own(draft.origin, "createdAt");
      const createdAt = isTime(began) ? began : (draft.createdAt ?? now);
      const content = { id, createdAt, data, ...(idle > 0 ? { lastSeenAt: now } : {}) };
      const standard = maxAge > 0 ? now + maxAge : idle > 0 ? now + idle : undefined;
      const sealed = await sealWith(
        content,
        passwords[0] as string,
        iterations[0],
        standard ?? draft.expiresAt,
      );
      const set = chunks(name, sealed, version).map(([each, value]) =>
        foreignCookie(each, value, attributes, endOf(content)),
      );
      const gone = namesIn(own(draft.origin, "cookieNames")).filter(
        (old) => !set.some((one) => one.name === old),
      );
      const cookies: readonly ForeignCookie[] = [...deletions(gone, attributes), ...set];
      return { cookies, identity: id };
    },

    deletion: (names = [name]) => deletions(names, attributes),
  };
}

/** The session in a seal, as it stands in the cookie; its own times are for you to look at. */
export async function openH3Seal(
  seal: string,
  password: string,
  now: number,
  version: 1 | 2 = 2,
): Promise<H3Content | Refused> {
  return await openWith(seal, password, ITERATIONS[version], now);
}

/** A seal of a session. @throws {ValueError} for what JSON lacks. */
export async function makeH3Seal(
  content: H3Content,
  password: string,
  expiresAt?: number,
  version: 1 | 2 = 2,
): Promise<string> {
  return await sealWith(content, password, ITERATIONS[version][0], expiresAt);
}

async function openWith(
  value: string,
  password: string,
  iterations: readonly number[],
  now: number,
): Promise<H3Content | Refused> {
  if (value.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const opened = await openIron(text, () => password, iterations, now);
  if (isRefused(opened)) return opened;
  const { id, createdAt, lastSeenAt, data } = opened.object;
  if (typeof id !== "string" || id === "" || !isTime(createdAt)) {
    return refuse("malformed", "the seal holds no session of h3");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    return refuse("malformed", "the session has no data");
  }
  if (lastSeenAt !== undefined && !isTime(lastSeenAt)) {
    return refuse("malformed", "the session was last seen at no time");
  }
  const seen = lastSeenAt === undefined ? {} : { lastSeenAt };
  return { id, createdAt, ...seen, data: data as JsonObject };
}

async function sealWith(
  content: H3Content,
  password: string,
  iterations: number,
  expiresAt: number | undefined,
): Promise<string> {
  writeJson(content.data);
  const json = JSON.stringify(content);
  return await sealIron(json, { password, passwordId: "", iterations, expiresAt });
}

function gathered(
  cookie: ReadCookie,
  name: string,
): { readonly text: string; readonly cookieNames: readonly string[] } | Refused {
  const main = cookie(name);
  if (main === undefined || main === "") return refuse("absent", "there is no cookie");
  if (!main.startsWith(CHUNKED)) return { text: main, cookieNames: [name] };
  const count = /^[1-9]\d{0,2}$/.test(main.slice(CHUNKED.length))
    ? Number(main.slice(CHUNKED.length))
    : 0;
  if (count === 0) return refuse("malformed", "the cookie does not say how many parts there are");
  if (count > MAX_CHUNKS) return refuse("too-large", "the cookie has more parts than are read");
  const names = Array.from({ length: count }, (_, at) => `${name}.${at + 1}`);
  let text = "";
  for (const each of names) {
    const part = cookie(each);
    if (part === undefined || part === "") return refuse("malformed", "a part is missing");
    text += part;
    if (text.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the parts are too long");
  }
  return { text, cookieNames: [name, ...names] };
}

function chunks(name: string, seal: string, version: 1 | 2): (readonly [string, string])[] {
  if (seal.length > MAX_COOKIE_CHARACTERS) {
    throw new SessionTooLargeError("h3's cookies", seal.length, MAX_COOKIE_CHARACTERS);
  }
  if (version === 1 || seal.length <= CHUNK_CHARACTERS) return [[name, seal]];
  const count = Math.ceil(seal.length / CHUNK_CHARACTERS);
  const parts = Array.from({ length: count }, (_, at) => {
    const from = at * CHUNK_CHARACTERS;
    return [`${name}.${at + 1}`, seal.slice(from, from + CHUNK_CHARACTERS)] as const;
  });
  return [[name, `${CHUNKED}${count}`], ...parts];
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function checkedPasswords(given: string | readonly string[] | undefined): readonly string[] {
  const passwords = typeof given === "string" ? [given] : given;
  if (!Array.isArray(passwords) || passwords.length === 0) {
    throw new ConfigError("password", "is missing (is the environment variable set?)");
  }
  for (const password of passwords) {
    if (typeof password !== "string" || password.length < IRON_MIN_PASSWORD) {
      throw new ConfigError("password", "must have 32 characters or more");
    }
  }
  return passwords;
}
