/**
 * Django's signed values: `django.core.signing.dumps` and `loads`, of Django 3.1 and later.
 *
 * `payload ‖ ":" ‖ time ‖ ":" ‖ signature`: the payload is base64url of JSON, with a `.` before it when it was
 * compressed; the time is seconds in base 62; the signature an HMAC-SHA-256 under the SHA-256 of salt,
 * `signer` and `SECRET_KEY`.
 *
 * @see https://docs.djangoproject.com/en/stable/topics/signing/
 * @module
 */

import { section } from "../../errors.ts";
import { utf8, utf8Text } from "../../lib/bytes.ts";
import type { Refused } from "../source.ts";
import { readJson, writeJson } from "./json.ts";
import type { ReadLimits } from "./limits.ts";
import { limitsOf } from "./limits.ts";
import { answer, refuse, taken } from "./refusal.ts";
import type { TakenAt, TimeOptions } from "./signed-text.ts";
import { checkAge, readPayload, writePayload } from "./signed-text.ts";
import { signer } from "./signing.ts";
import type { Digest, TextOrBytes } from "./web-crypto.ts";

/** How values are signed. */
export interface DjangoSigningOptions {
  /** `SECRET_KEY`, then those of `SECRET_KEY_FALLBACKS`: the first makes, every one opens. */
  readonly secrets: readonly TextOrBytes[];
  /** @default "django.core.signing" */
  readonly salt?: string;
  /** `sha1` for values of an app with `DEFAULT_HASHING_ALGORITHM = "sha1"`. @default "sha256" */
  readonly digest?: Digest;
  readonly limits?: ReadLimits;
}

/** `django.core.signing`. */
export interface DjangoSigning {
  /** @throws {ValueError} when JSON cannot hold the value. */
  dumps(
    value: unknown,
    options?: { readonly now?: number; readonly compress?: boolean },
  ): Promise<string>;
  loads(text: string, options?: TimeOptions): Promise<TakenAt<unknown> | Refused>;
}

/**
 * Signs values as Django does, and reads what it has signed.
 *
 * @throws {ConfigError} when there is no secret.
 */
export function djangoSigning(options: DjangoSigningOptions): DjangoSigning {
  const given = section("options", options, ["secrets", "salt", "digest", "limits"]);
  const { secrets, salt = "django.core.signing", digest = "sha256" } = given;
  const limits = limitsOf(given.limits);
  const textSigner = signer({ secrets, salt, digest, separator: ":" });
  return {
    async dumps(value, { now = Date.now(), compress = false } = {}) {
      const json = utf8(writeJson(value, { ascii: true }));
      const payload = await writePayload(json, compress);
      return await textSigner.sign(`${payload}:${base62(Math.floor(now / 1000))}`);
    },
    loads: (text, time = {}) =>
      answer(async () => {
        if (text.length > limits.maxBytes * 2) refuse("too-large", "is a longer text than is read");
        const { value: timed } = taken(await textSigner.unsign(text));
        const at = timed.lastIndexOf(":");
        if (at === -1) refuse("malformed", "has no timestamp");
        const signedAt = momentOf(timed.slice(at + 1));
        checkAge(signedAt, time);
        const json = utf8Text(await readPayload(timed.slice(0, at), limits));
        return { value: readJson(json ?? refuse("malformed", "is not UTF-8"), limits), signedAt };
      }),
  };
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function base62(seconds: number): string {
  let text = "";
  let left = seconds;
  do {
    text = ALPHABET.charAt(left % 62) + text;
    left = Math.floor(left / 62);
  } while (left > 0);
  return text;
}

/** Eight digits hold the seconds of six million years. */
function momentOf(text: string): number {
  if (!/^(?:0|[1-9A-Za-z][0-9A-Za-z]{0,7})$/.test(text)) {
    return refuse("malformed", "has something else in the timestamp's place");
  }
  let seconds = 0;
  for (const digit of text) seconds = seconds * 62 + ALPHABET.indexOf(digit);
  return seconds * 1000;
}
