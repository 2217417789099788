/**
 * The signed texts of itsdangerous: `Signer`, `TimestampSigner`, `URLSafeSerializer` and
 * `URLSafeTimedSerializer`, as versions 1.1 to 2.2 make them.
 *
 * `value ‖ "." ‖ signature`, or `value ‖ "." ‖ timestamp ‖ "." ‖ signature`. The signature is an HMAC under
 * a key that is derived from secret and salt; it and the timestamp, a number of seconds with the high byte
 * first and no zeros before it, are base64url without padding. The serializers put JSON before it, as
 * base64url, and a `.` before that when it was compressed with zlib.
 *
 * Stricter than the original in two places: a signature has one spelling (itsdangerous decodes before it
 * compares, so that the last character may be changed), and a time that lies ahead is judged by a leeway.
 *
 * @see https://itsdangerous.palletsprojects.com/en/stable/concepts/
 * @module
 */

import { section } from "../errors.ts";
import { decodeBase64url, encodeBase64url } from "../lib/base64url.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import { methodsOption } from "./options.ts";
import { readJson, writeJson } from "./python/json.ts";
import type { Limits, ReadLimits } from "./python/limits.ts";
import { limitsOf } from "./python/limits.ts";
import type { Taken } from "./python/refusal.ts";
import { answer, refuse, taken } from "./python/refusal.ts";
import type { TakenAt, TimeOptions } from "./python/signed-text.ts";
import { checkAge, readPayload, writePayload } from "./python/signed-text.ts";
import type { SignerOptions } from "./python/signing.ts";
import { SIGNER, signer } from "./python/signing.ts";
import type { Refused } from "./source.ts";

export type { ReadLimits } from "./python/limits.ts";
export type { Taken } from "./python/refusal.ts";
export type { TakenAt, TimeOptions } from "./python/signed-text.ts";
export type { KeyDerivation, Signer, SignerOptions } from "./python/signing.ts";
export { signer } from "./python/signing.ts";
export type { Digest, TextOrBytes } from "./python/web-crypto.ts";
export type { RefusalReason, Refused } from "./source.ts";
export { isRefused } from "./source.ts";

/** Signs texts together with the time. */
export interface TimestampSigner {
  /** @param now - milliseconds since the epoch. */
  sign(value: string, now?: number): Promise<string>;
  unsign(signed: string, options?: TimeOptions): Promise<TakenAt<string> | Refused>;
}

/** Signs values as URL-safe text. */
export interface Serializer {
  /** @throws {ValueError} when JSON cannot hold the value. */
  dumps(value: unknown): Promise<string>;
  loads(text: string): Promise<Taken<unknown> | Refused>;
}

/** Signs values together with the time. */
export interface TimedSerializer {
  /**
   * @param now - milliseconds since the epoch.
   * @throws {ValueError} when JSON cannot hold the value.
   */
  dumps(value: unknown, now?: number): Promise<string>;
  loads(text: string, options?: TimeOptions): Promise<TakenAt<unknown> | Refused>;
}

/** How a serializer writes and reads what it signs. */
export interface SerializerOptions extends SignerOptions {
  readonly limits?: ReadLimits;
  /** @default compact JSON with all of Unicode */
  readonly payload?: PayloadCodec;
}

/** Values as text and back. */
export interface PayloadCodec {
  /** @throws {ValueError} when the format cannot hold the value. */
  write(value: unknown): string;
  /** Gives up by `refuse` on what it cannot read. */
  read(text: string, limits: Limits): unknown;
}

/** `itsdangerous.TimestampSigner`. @throws {ConfigError} as {@link signer}. */
export function timestampSigner(options: SignerOptions): TimestampSigner {
  const plainSigner = signer(options);
  const { separator = "." } = options;
  return {
    sign: async (value, now = Date.now()) =>
      await plainSigner.sign(`${value}${separator}${timestampText(now)}`),
    unsign: (signed, time = {}) =>
      answer(async () => {
        const { value: timed } = taken(await plainSigner.unsign(signed));
        const at = timed.lastIndexOf(separator);
        if (at === -1) refuse("malformed", "has no timestamp");
        const signedAt = momentOf(timed.slice(at + separator.length));
        checkAge(signedAt, time);
        return { value: timed.slice(0, at), signedAt };
      }),
  };
}

/** `itsdangerous.URLSafeSerializer`. @throws {ConfigError} as {@link signer}. */
export function urlSafeSerializer(options: SerializerOptions): Serializer {
  const { payload, signing } = serializerParts(options);
  const textSigner = signer(signing);
  return {
    dumps: async (value) => await textSigner.sign(await payload.write(value)),
    loads: (text) =>
      answer(async () => {
        payload.checkLength(text);
        const { value } = taken(await textSigner.unsign(text));
        return { value: await payload.read(value) };
      }),
  };
}

/** `itsdangerous.URLSafeTimedSerializer`. @throws {ConfigError} as {@link signer}. */
export function urlSafeTimedSerializer(options: SerializerOptions): TimedSerializer {
  const { payload, signing } = serializerParts(options);
  const textSigner = timestampSigner(signing);
  return {
    dumps: async (value, now) => await textSigner.sign(await payload.write(value), now),
    loads: (text, time) =>
      answer(async () => {
        payload.checkLength(text);
        const { value, signedAt } = taken(await textSigner.unsign(text, time));
        return { value: await payload.read(value), signedAt };
      }),
  };
}

function serializerParts(options: SerializerOptions) {
  const {
    limits,
    payload,
    salt = "itsdangerous",
    ...signing
  } = section("options", options, [...SIGNER, "limits", "payload"]);
  if (payload !== undefined) methodsOption("payload", payload, ["write", "read"]);
  return {
    payload: payloadCodec(limitsOf(limits), payload),
    signing: { ...signing, salt },
  };
}

function timestampText(now: number): string {
  let seconds = Math.floor(now / 1000);
  const bytes: number[] = [];
  for (; seconds > 0; seconds = Math.floor(seconds / 256)) bytes.unshift(seconds % 256);
  return encodeBase64url(new Uint8Array(bytes));
}

/** Six bytes: the year 8921556. */
const MAX_TIMESTAMP_BYTES = 6;

function momentOf(text: string): number {
  const bytes = decodeBase64url(text);
  if (bytes === undefined || bytes.length > MAX_TIMESTAMP_BYTES || bytes[0] === 0) {
    return refuse("malformed", "has something else in the timestamp's place");
  }
  return bytes.reduce((seconds, byte) => seconds * 256 + byte, 0) * 1000;
}

const compactJson: PayloadCodec = {
  write: (value) => writeJson(value, { ascii: false }),
  read: readJson,
};

function payloadCodec(limits: Limits, payload: PayloadCodec = compactJson) {
  return {
    // Base64 takes four characters for three bytes; timestamp and signature are short.
    checkLength(text: string): void {
      if (text.length > limits.maxBytes * 2) refuse("too-large", "is a longer text than is read");
    },
    write: async (value: unknown) => await writePayload(utf8(payload.write(value)), true),
    async read(text: string): Promise<unknown> {
      const json = utf8Text(await readPayload(text, limits));
      return json === undefined
        ? refuse("malformed", "has a payload that is not UTF-8")
        : payload.read(json, limits);
    },
  };
}
