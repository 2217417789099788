/**
 * What the sources of the Python formats have in common: options, cookies, whom a session belongs to.
 *
 * @module
 */

import { checkCookieSize } from "../../cookie/write.ts";
import { ConfigError } from "../../errors.ts";
import type { Duration } from "../../lib/duration.ts";
import { DURATION, milliseconds } from "../../lib/duration.ts";
import type { ForeignCookieOptions } from "../options.ts";
import { foreignAttributes, methodsOption, textOption } from "../options.ts";
import type {
  ForeignAttributes,
  ForeignCookie,
  ForeignDraft,
  ForeignRecord,
  ForeignRecords,
  ForeignSource,
  ReadCookie,
} from "../source.ts";
import { isPlainObject } from "./json.ts";
import { MAX_COOKIE_CHARACTERS } from "./limits.ts";
import { refuse } from "./refusal.ts";

/** Session data as a foreign app sees it. */
export type Data = Readonly<Record<string, unknown>>;

/** The text of a source's cookie; gives up when it is not there or longer than any. */
export function cookieText(cookie: ReadCookie, name: string): string {
  const text = cookie(name);
  if (text === undefined || text === "") return refuse("absent", "has no cookie of this name");
  if (text.length > MAX_COOKIE_CHARACTERS) refuse("too-large", "is a longer cookie than is read");
  return text;
}

/** The record of a key; gives up when there is none, or its time in the backend is over. */
export async function readRecord(
  records: ForeignRecords,
  key: string,
  now: number,
): Promise<ForeignRecord> {
  const record = await records.read(key);
  if (record === undefined) return refuse("absent", "names a record that is not there");
  if (record.expiresAt !== undefined && record.expiresAt <= now) {
    refuse("expired", "names a record whose time is over");
  }
  return record;
}

/** What was read, when it is what a session can be. */
export function sessionData(value: unknown): Record<string, unknown> {
  const isData = typeof value === "object" && value !== null && isPlainObject(value);
  return isData ? value : refuse("malformed", "holds something that is no session");
}

/** The milliseconds of a duration option. @throws {ConfigError} naming the option. */
export function durationOption(
  option: string,
  given: Duration | undefined,
  preset: Duration,
): number {
  const ms = milliseconds(given === undefined ? preset : given);
  if (ms === undefined || ms === 0) {
    throw new ConfigError(option, `must be ${DURATION}`);
  }
  return ms;
}

/** The name and the attributes of a source's cookie. @throws {ConfigError} */
export function cookieOptions(
  options: { readonly cookieName?: string; readonly attributes?: Partial<ForeignAttributes> },
  name: string,
  defaults: Partial<ForeignAttributes>,
): { readonly cookieName: string; readonly attributes: ForeignAttributes } {
  const cookieName = textOption("cookieName", options.cookieName, name);
  const place = { name: "cookieName", group: "attributes" };
  const { sameSite, ...others } = defaults;
  const usual = sameSite === undefined ? others : { ...others, sameSite };
  const given = options.attributes as ForeignCookieOptions | undefined;
  const attributes = foreignAttributes(cookieName, given, usual, place);
  // `undefined` is an answer here: the attribute is not written.
  const isNoSite = given !== undefined && "sameSite" in given && given.sameSite === undefined;
  return { cookieName, attributes: isNoSite ? { ...attributes, sameSite: undefined } : attributes };
}

/** @throws {ConfigError} when the records cannot be read and written. */
export function checkRecords(records: ForeignRecords): ForeignRecords {
  return methodsOption("records", records, ["read", "write", "remove"]);
}

/** The cookie with a session; gives its name and value to be checked first. */
export function cookieOf(
  name: string,
  value: string,
  attributes: ForeignAttributes,
  expiresAt: number | undefined,
): ForeignCookie {
  checkCookieSize(name, value);
  return { name, value, attributes, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** {@link ForeignSource.deletion} of a source with one cookie. */
export function deletionOf(name: string, attributes: ForeignAttributes): ForeignSource["deletion"] {
  return (names = [name]) =>
    names.map((each) => ({ name: each, value: "", attributes, expiresAt: 0 }));
}

/** The user under a key of the data, as text; `undefined` when there is none. */
export function userUnder(data: Data, key: string | undefined): string | undefined {
  const user = key === undefined || !Object.hasOwn(data, key) ? undefined : data[key];
  if (typeof user === "string" && user !== "") return user;
  return Number.isSafeInteger(user) || typeof user === "bigint" ? String(user) : undefined;
}

/** A draft's data with its user in place: a user who is there already keeps the spelling that is there. */
export function dataWithUser(
  draft: ForeignDraft,
  key: string | undefined,
  signedIn: (userId: string) => Record<string, unknown> = () => ({}),
): Record<string, unknown> {
  const data = { ...draft.data };
  const { userId } = draft;
  if (userId === undefined || userUnder(data, key) === userId) return data;
  if (key === undefined) throw new ConfigError("userKey", "is needed to write whose a session is");
  return { ...data, ...signedIn(userId), [key]: userId };
}

/** Leaves out what is `undefined`, as exact optional properties want it. */
export function defined<Value extends object>(
  value: Value,
): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Value]: Exclude<Value[Key], undefined> };
}
