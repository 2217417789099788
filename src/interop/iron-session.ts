/**
 * The sessions of iron-session 6 to 9: JSON, encrypted and authenticated, in one cookie or up to four.
 *
 * The value is a seal of `iron-webcrypto` with one iteration, and `~2` behind it. Chunks, which only 9
 * makes, are `<name>.0` to `<name>.3`, put together without anything between. Cookies of before
 * version 6 (`~1`) are refused, as version 9 does: that mark is not authenticated.
 *
 * @see https://github.com/vvo/iron-session/blob/v8.0.4/src/core.ts
 * @module
 */

import { ConfigError } from "../errors.ts";
import { gather, scatter } from "./js/chunked.ts";
import { decodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes } from "./js/cookies.ts";
import type { IronContent } from "./js/iron.ts";
import { IRON_MIN_PASSWORD, IRON_SKEW, openIron, sealIron } from "./js/iron.ts";
import type { JsonObject } from "./js/json.ts";
import { MAX_COOKIE_CHARACTERS, requireFreeKeys, writeJson } from "./js/json.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { noUser, userOption } from "./js/user.ts";
import { ageOption, flagOption, sourceOptions } from "./options.ts";
import type { ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { IronContent } from "./js/iron.ts";
export type { JsonObject } from "./js/json.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** The app's `password`: one of at least 32 characters, or several by number; the highest seals. */
export type IronPasswords = string | Readonly<Record<number, string>>;

/** The options that the app gives iron-session, where they are of concern. */
export interface IronSessionOptions {
  readonly cookieName: string;
  readonly password: IronPasswords;
  /** Seconds, 0 for no end. @default 1209600 (14 days) */
  readonly ttl?: number;
  /** Split what is too long for one cookie; iron-session 8 cannot read that. @default false */
  readonly chunk?: boolean;
  readonly cookieOptions?: ForeignCookieOptions;
  /**
   * For apps that give `cookieOptions.maxAge` as `undefined`: the cookie ends with the browser.
   *
   * @default false
   */
  readonly endsWithBrowser?: boolean;
  /** Where the data says whose session it is, such as `userAt("userId")`. @default nowhere */
  readonly user?: UserField;
}

const KNOWN = [
  "cookieName",
  "password",
  "ttl",
  "chunk",
  "cookieOptions",
  "endsWithBrowser",
  "user",
] as const;
const FOURTEEN_DAYS = 1_209_600;
// Room for the name and for attributes, which iron-session counts too.
const CHUNK_CHARACTERS = 3_800;

/**
 * The sessions of an app with iron-session, for adopting and sharing.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * ironSession({ cookieName: "app", password: process.env.PASSWORD, user: userAt("userId") });
 * ```
 */
export function ironSession(options: IronSessionOptions): ForeignSource {
  const { cookieName, cookieOptions, password, ...given } = sourceOptions(
    "options",
    options,
    KNOWN,
  );
  const passwords = checkedPasswords(password);
  const ttl = ageOption("ttl", given.ttl, "seconds", FOURTEEN_DAYS);
  const chunk = flagOption("chunk", given.chunk, false);
  const endsWithBrowser = flagOption("endsWithBrowser", given.endsWithBrowser, false);
  const user = userOption(given.user, noUser);
  const defaults = { secure: true, sameSite: "lax" } as const;
  const place = { name: "cookieName", group: "cookieOptions" };
  const attributes = foreignAttributes(cookieName, cookieOptions, defaults, place);

  return {
    name: "iron-session",
    cookieNames: [cookieName],
    attributes,
    reserved: [],

    async open(cookie, now) {
      const { text, cookieNames } = gather(cookie, cookieName);
      if (text === "") return refuse("absent", "there is no cookie");
      const content = await openWith(text, passwords, now);
      if (isRefused(content)) return content;
      const { object: data, expiresAt } = content;
      const userId = user.read(data);
      return {
        data,
        identity: text,
        cookieNames,
        persistent: !endsWithBrowser,
        origin: cookieNames,
        ...(userId === undefined ? {} : { userId }),
        ...(expiresAt === undefined ? {} : { expiresAt: expiresAt + IRON_SKEW }),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const isPersistent = draft.persistent ?? !endsWithBrowser;
      const age = ttl === 0 || endsWithBrowser ? undefined : ttl * 1000;
      const expiresAt = draft.expiresAt ?? (age === undefined ? undefined : now + age);
      const seal = await sealWith(data, passwords, expiresAt);
      const until = isPersistent ? (expiresAt ?? now + FOREVER) : undefined;
      // Whole, it may fill the cookie; to be cut, it leaves room for attributes, as the library does.
      const size = chunk ? CHUNK_CHARACTERS : seal.length;
      const cookies = scatter(cookieName, seal, size, attributes, until, draft.origin);
      return { cookies, identity: seal };
    },

    deletion: (names = [cookieName]) => deletions(names, attributes),
  };
}

/** The data in a seal, as it stands in the cookie. */
export async function openSeal(
  seal: string,
  password: IronPasswords,
  now: number,
): Promise<IronContent | Refused> {
  return await openWith(seal, checkedPasswords(password), now);
}

/**
 * A seal of some data. Without `expiresAt` it does not end.
 *
 * @throws {ValueError} for what JSON, or a session object, cannot hold.
 */
export async function makeSeal(
  data: Readonly<JsonObject>,
  password: IronPasswords,
  expiresAt?: number,
): Promise<string> {
  return await sealWith(data, checkedPasswords(password), expiresAt);
}

async function openWith(
  value: string,
  passwords: ReadonlyMap<string, string>,
  now: number,
): Promise<IronContent | Refused> {
  if (value.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const [seal = "", version] = text.split("~", 2);
  if (version === "1") return refuse("unsupported", "the seal is of before iron-session 6");
  if (text !== `${seal}~2`) return refuse("malformed", "the seal does not end with ~2");
  return await openIron(seal, (id) => passwords.get(id), [1], now);
}

async function sealWith(
  data: Readonly<JsonObject>,
  passwords: ReadonlyMap<string, string>,
  expiresAt: number | undefined,
): Promise<string> {
  requireFreeKeys(data, (key) => TAKEN.has(key));
  const passwordId = String(Math.max(...Array.from(passwords.keys(), Number)));
  const password = passwords.get(passwordId) as string;
  const seal = await sealIron(writeJson(data), { password, passwordId, iterations: 1, expiresAt });
  return `${seal}~2`;
}

function checkedPasswords(given: IronPasswords): ReadonlyMap<string, string> {
  const byId = typeof given === "string" ? { 1: given } : given;
  const passwords = new Map(Object.entries(byId ?? {}));
  if (passwords.size === 0) throw new ConfigError("password", "is missing");
  for (const [id, password] of passwords) {
    if (!/^\d+$/.test(id)) throw new ConfigError("password", "must be numbered, as in `{ 1: … }`");
    if (typeof password !== "string" || password.length < IRON_MIN_PASSWORD) {
      throw new ConfigError("password", "must have 32 characters or more");
    }
  }
  return passwords;
}

/** What the session object of the library has of its own. */
const TAKEN: ReadonlySet<string> = new Set(["destroy", "save", "updateConfig"]);
/** 400 days: browsers keep no cookie longer. */
const FOREVER = 34_560_000_000;
