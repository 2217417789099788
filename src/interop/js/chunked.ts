/**
 * Values in several cookies, `<name>.0`, `<name>.1` and so on, put together without anything between.
 *
 * @module
 */

import { SessionTooLargeError } from "../../errors.ts";
import type { ForeignAttributes, ForeignCookie, ReadCookie } from "../source.ts";
import { deletions, foreignCookie } from "./cookies.ts";

/** What the cookies hold together. */
export interface Gathered {
  /** Empty when there is none. */
  readonly text: string;
  readonly cookieNames: readonly string[];
}

// As many as servers take of a header; the libraries that allow a hundred cannot be sent so many either.
const MAX_CHUNKS = 4;

/** The value of the whole cookie, else of its parts up to the first gap. */
export function gather(cookie: ReadCookie, name: string): Gathered {
  const whole = cookie(name);
  if (whole) return { text: whole, cookieNames: [name] };
  const cookieNames: string[] = [];
  let text = "";
  for (let at = 0; at < MAX_CHUNKS; at += 1) {
    const part = cookie(`${name}.${at}`);
    if (!part) break;
    cookieNames.push(`${name}.${at}`);
    text += part;
  }
  return { text, cookieNames };
}

/** Names of cookies that were kept as the origin of a session. */
export function namesIn(origin: unknown): readonly string[] {
  return Array.isArray(origin) ? origin.filter((name) => typeof name === "string") : [];
}

/**
 * The cookies for a value, in as many as it takes, and the deletion of those that would be left over:
 * they would spoil the next read.
 *
 * @param before - the origin of the session: the names that it came in.
 * @throws {SessionTooLargeError} when it takes more than four.
 */
export function scatter(
  name: string,
  value: string,
  size: number,
  attributes: ForeignAttributes,
  expiresAt: number | undefined,
  before: unknown,
): readonly ForeignCookie[] {
  const count = Math.ceil(value.length / size);
  if (count > MAX_CHUNKS) {
    throw new SessionTooLargeError("four cookies", value.length, MAX_CHUNKS * size);
  }
  const set =
    count <= 1
      ? [foreignCookie(name, value, attributes, expiresAt)]
      : Array.from({ length: count }, (_, at) =>
          foreignCookie(
            `${name}.${at}`,
            value.slice(at * size, (at + 1) * size),
            attributes,
            expiresAt,
          ),
        );
  const gone = namesIn(before).filter((old) => !set.some((cookie) => cookie.name === old));
  return [...deletions(gone, attributes), ...set];
}
