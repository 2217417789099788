/**
 * Texts with a signature behind them, as itsdangerous' `Signer` makes them, and Django's.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";
import { encodeBase64url } from "../../lib/base64url.ts";
import { equalText } from "../../lib/bytes.ts";
import type { Refused } from "../source.ts";
import type { Taken } from "./refusal.ts";
import { answer, refuse } from "./refusal.ts";
import { checkSecrets, textOrBytesOption } from "./secrets.ts";
import type { Digest, TextOrBytes } from "./web-crypto.ts";
import { bytesOf, digest, hmac } from "./web-crypto.ts";

/** How the key is made of secret and salt. */
export type KeyDerivation =
  /** The hash of salt and secret. */
  | "concat"
  /** The hash of salt, `signer` and secret. */
  | "django-concat"
  /** The HMAC of the salt under the secret. */
  | "hmac"
  /** The secret itself. */
  | "none";

/** How a text is signed. Everything but the secrets has itsdangerous' default. */
export interface SignerOptions {
  /**
   * The first one makes, every one opens. itsdangerous has the same list the other way round: there the
   * last one makes.
   */
  readonly secrets: readonly TextOrBytes[];
  /** @default "itsdangerous.Signer", of serializers "itsdangerous" */
  readonly salt?: TextOrBytes;
  /** @default "." */
  readonly separator?: string;
  /** @default "django-concat" */
  readonly keyDerivation?: KeyDerivation;
  /** @default "sha1" */
  readonly digest?: Digest;
  /**
   * Other ways to sign that are read, and never written: what has changed here against the rest of the
   * options.
   *
   * @default []
   */
  readonly fallbacks?: readonly Partial<Omit<SignerOptions, "fallbacks" | "separator">>[];
}

/** The names of {@link SignerOptions}. */
export const SIGNER = [
  "secrets",
  "salt",
  "separator",
  "keyDerivation",
  "digest",
  "fallbacks",
] as const;

/** Signs texts. */
export interface Signer {
  /** The value, the separator and the signature. */
  sign(value: string): Promise<string>;
  /** The value of a signed text. */
  unsign(signed: string): Promise<Taken<string> | Refused>;
}

/**
 * `itsdangerous.Signer`.
 *
 * @throws {ConfigError} when there is no secret, or the separator could be part of a signature.
 */
export function signer(options: SignerOptions): Signer {
  const { separator = ".", salt = "itsdangerous.Signer" } = section("options", options, SIGNER);
  checkOptions(options ?? {}, separator);
  const ways = [options, ...(options.fallbacks ?? [])].flatMap((way) =>
    (way.secrets ?? options.secrets).map((secret) =>
      signature({ ...options, ...way, salt: way.salt ?? salt }, secret),
    ),
  );
  const [make] = ways as [Sign, ...Sign[]];

  return {
    sign: async (value) => `${value}${separator}${await make(value)}`,
    unsign: (signed) =>
      answer(async () => {
        const at = signed.lastIndexOf(separator);
        if (at === -1) refuse("malformed", "has no signature");
        const value = signed.slice(0, at);
        const found = signed.slice(at + separator.length);
        if (!SIGNATURE.test(found))
          refuse("malformed", "has something else in the signature's place");
        for (const sign of ways) {
          // As text: what decodes to the same bytes in another spelling was not made by itsdangerous.
          if (equalText(await sign(value), found)) return { value };
        }
        return refuse("forged", "is signed by none of the keys");
      }),
  };
}

const SIGNATURE = /^[A-Za-z0-9_-]+$/;

/** Signs one text with one key. */
type Sign = (value: string) => Promise<string>;

function signature(options: Omit<SignerOptions, "fallbacks">, secret: TextOrBytes): Sign {
  const { salt = "", keyDerivation = "django-concat", digest: name = "sha1" } = options;
  let ready: Uint8Array | undefined;
  return async (value) => {
    ready ??= await derivedKey(keyDerivation, name, secret, salt);
    return encodeBase64url(await hmac(name, ready, value));
  };
}

/**
 * The key that a secret gives with a salt.
 *
 * @internal
 */
export async function derivedKey(
  derivation: KeyDerivation,
  name: Digest,
  secret: TextOrBytes,
  salt: TextOrBytes,
): Promise<Uint8Array> {
  switch (derivation) {
    case "concat":
      return await digest(name, salt, secret);
    case "django-concat":
      return await digest(name, salt, "signer", secret);
    case "hmac":
      return await hmac(name, secret, salt);
    case "none":
      return bytesOf(secret);
  }
}

const DERIVATIONS: readonly (KeyDerivation | undefined)[] = [
  undefined,
  "concat",
  "django-concat",
  "hmac",
  "none",
];
const DIGESTS: readonly (Digest | undefined)[] = [undefined, "sha1", "sha256", "sha512"];

function checkOptions(options: SignerOptions, separator: string): void {
  checkSecrets("secrets", options.secrets);
  const { fallbacks = [] } = options;
  if (!Array.isArray(fallbacks)) throw new ConfigError("fallbacks", "must be a list");
  for (const way of fallbacks as readonly object[]) {
    section("fallbacks", way ?? null, ["secrets", "salt", "keyDerivation", "digest"] as never[]);
  }
  for (const way of [options, ...(fallbacks as readonly Partial<SignerOptions>[])]) {
    textOrBytesOption("salt", way.salt, "");
    if (way.secrets !== undefined) checkSecrets("secrets", way.secrets);
    if (!DERIVATIONS.includes(way.keyDerivation)) {
      throw new ConfigError("keyDerivation", `must be one of ${DERIVATIONS.slice(1).join(", ")}`);
    }
    if (!DIGESTS.includes(way.digest)) {
      throw new ConfigError("digest", `must be one of ${DIGESTS.slice(1).join(", ")}`);
    }
  }
  if (typeof separator !== "string") throw new ConfigError("separator", "must be a string");
  // With one character of another alphabet in it, no separator begins or ends inside a signature.
  if (!/[^A-Za-z0-9_=-]/.test(separator)) {
    throw new ConfigError("separator", "must hold a character that base64url has not");
  }
}
