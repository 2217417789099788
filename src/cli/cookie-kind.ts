/**
 * What a kind of session cookie has to say, and what the kinds have in common.
 *
 * @module
 */

import type { ForeignSession, ForeignSource, Refused } from "../interop/source.ts";
import { isRefused } from "../interop/source.ts";

/** What a verified cookie says. */
export interface Verified {
  /** Lines of "name: value" about the session. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What it holds; absent where the data lies in a store. */
  readonly data?: unknown;
}

/** What is known of a cookie besides its value. */
export interface CookieCase {
  readonly name: string | undefined;
  readonly value: string;
  /** The other cookies of the line that was given, by name: signatures that stand apart. */
  readonly others: ReadonlyMap<string, string>;
  readonly secrets: readonly string[];
  readonly app: string;
  readonly now: number;
}

export interface CookieKind {
  readonly kind: string;
  /** Who can read it, and where the data is. */
  readonly about: string;
  /** The cookie's name where the app has not changed it. */
  readonly usualName?: string;
  looks(value: string): boolean;
  /** Why it is none, or what it says. Throws for secrets that cannot be any. */
  verify(cookie: CookieCase): Promise<Verified | Refused>;
}

export const SIGNED = "Signed, not encrypted: whoever has it can read it. The data is in it.";
export const SEALED = "Encrypted: the data is in it.";
export const NAMES = "Only names a session: the data is in a store.";

export function refusal(refused: Refused["refused"], problem: string): Refused {
  return { refused, problem };
}

export function named({ name }: CookieCase): { readonly cookieName?: string } {
  return name === undefined ? {} : { cookieName: name };
}

export async function bySource(
  source: ForeignSource,
  cookie: CookieCase,
): Promise<Verified | Refused> {
  const { name, value, others, now } = cookie;
  const opened = await source.open(
    (asked) => (asked === (name ?? source.cookieNames[0]) ? value : others.get(asked)),
    now,
  );
  return isRefused(opened) ? opened : { facts: factsOf(opened), data: opened.data };
}

function factsOf({ userId, createdAt, lastSeenAt, expiresAt }: ForeignSession) {
  return {
    user: userId,
    created: moment(createdAt),
    "last written": moment(lastSeenAt),
    ...ends(expiresAt),
  };
}

export function ends(at: number | undefined): Readonly<Record<string, unknown>> {
  return { ends: moment(at) };
}

export function moment(at: number | undefined): string | undefined {
  return at === undefined || !Number.isFinite(at) ? undefined : new Date(at).toISOString();
}

/** For cookies that hold a signed id and nothing else. */
export function signedId(opened: { readonly keyIndex: number } | Refused): Verified | Refused {
  return isRefused(opened) ? opened : { facts: { "signed by secret number": opened.keyIndex + 1 } };
}

/** The JSON object that a value is base64 of, whoever may have signed it. */
export function jsonIn(value: string): object | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(value, "base64").toString("utf8"));
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}
