/**
 * What signed values have besides the signature: a moment that is judged, and a payload that may be compressed.
 *
 * @module
 */

import { section } from "../../errors.ts";
import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";
import { ageOption } from "../options.ts";
import type { Limits } from "./limits.ts";
import type { Taken } from "./refusal.ts";
import { refuse } from "./refusal.ts";
import { deflate, inflate } from "./zlib.ts";

/** When a timed text is still good. */
export interface TimeOptions {
  /** Milliseconds since the epoch. @default Date.now() */
  readonly now?: number;
  /** Seconds; one that is exactly as old is good. @default no limit */
  readonly maxAge?: number;
  /**
   * Seconds that the clock of whoever signed may be ahead of ours. itsdangerous takes none when it has a
   * `max_age`, and any when it has not.
   *
   * @default 10
   */
  readonly leeway?: number;
}

/** A value with the moment when it was signed, in milliseconds since the epoch. */
export interface TakenAt<Value> extends Taken<Value> {
  readonly signedAt: number;
}

const DEFAULT_LEEWAY = 10;

/** Seconds, for what the library itself takes however far ahead it was signed. */
export const LONG_LEEWAY = 300;

/**
 * Gives up on a moment that is too old or too far ahead.
 *
 * Ages are whole seconds, as both sides of the comparison are.
 *
 * @internal
 */
export function checkAge(signedAt: number, options: TimeOptions): void {
  // What is no number would be no limit.
  section("options", options, ["now", "maxAge", "leeway"]);
  const now = ageOption("now", options.now, "milliseconds", Date.now());
  const maxAge = ageOption("maxAge", options.maxAge, "seconds", undefined);
  const leeway = ageOption("leeway", options.leeway, "seconds", DEFAULT_LEEWAY);
  const age = Math.floor(now / 1000) - Math.floor(signedAt / 1000);
  if (age < -leeway) refuse("future", "was signed later than now");
  if (maxAge !== undefined && age > maxAge) refuse("expired", "is older than is allowed");
}

/**
 * What URL-safe serializers, and Django's too, put before the signature: base64url, with a `.` before it
 * when it was compressed.
 *
 * @internal
 */
export async function writePayload(bytes: Uint8Array, compress: boolean): Promise<string> {
  if (compress) {
    const compressed = await deflate(bytes);
    if (compressed.length < bytes.length - 1) return `.${encodeBase64url(compressed)}`;
  }
  return encodeBase64url(bytes);
}

/** @internal */
export async function readPayload(text: string, limits: Limits): Promise<Uint8Array> {
  const isCompressed = text.startsWith(".");
  const bytes = decodeBase64url(isCompressed ? text.slice(1) : text);
  if (bytes === undefined) return refuse("malformed", "has a payload that is not base64url");
  if (isCompressed) return await inflate(bytes, limits.maxBytes);
  if (bytes.length > limits.maxBytes)
    refuse("too-large", `holds more than ${limits.maxBytes} bytes`);
  return bytes;
}
