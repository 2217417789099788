/**
 * How Django binds a session to a user's password: `_auth_user_hash`.
 *
 * `hex(HMAC-SHA-256(SHA-256(key salt ‖ SECRET_KEY), password column))`. A session whose hash is another was
 * made before the password was changed, and Django does not take it.
 *
 * @see https://docs.djangoproject.com/en/stable/topics/auth/default/#session-invalidation-on-password-change
 * @module
 */

import { equalText } from "../../lib/bytes.ts";
import { refuse } from "./refusal.ts";
import type { Digest, TextOrBytes } from "./web-crypto.ts";
import { digest, hex, hmac } from "./web-crypto.ts";

const KEY_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";
const MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend";

/** What `_auth_user_hash` is made of. */
export interface AuthHashOptions {
  /** `SECRET_KEY`, then those of `SECRET_KEY_FALLBACKS`. */
  readonly secrets: readonly TextOrBytes[];
  /** The `password` column of the user: the hash, not the password. */
  readonly passwordHash: string;
  /** `sha1` before Django 3.1. @default "sha256" */
  readonly digest?: Digest;
}

/** `AbstractBaseUser.get_session_auth_hash()`, under the first secret. */
export async function djangoAuthHash(options: AuthHashOptions): Promise<string> {
  const { secrets, passwordHash, digest: name = "sha256" } = options;
  return await authHash(name, secrets[0] ?? "", passwordHash);
}

/** Whether `_auth_user_hash` belongs to this password, under any of the secrets. */
export async function verifyDjangoAuthHash(
  hash: unknown,
  { secrets, passwordHash, digest: name = "sha256" }: AuthHashOptions,
): Promise<boolean> {
  if (typeof hash !== "string") return false;
  for (const secret of secrets) {
    if (equalText(await authHash(name, secret, passwordHash), hash)) return true;
  }
  return false;
}

async function authHash(name: Digest, secret: TextOrBytes, passwordHash: string): Promise<string> {
  return hex(await hmac(name, await digest(name, KEY_SALT, secret), passwordHash));
}

interface AuthOptions {
  readonly secrets: readonly TextOrBytes[];
  readonly passwordHash?: (userId: string) => Promise<string | undefined>;
  readonly authBackend?: string;
}

/** Gives up when the user is gone, or has got another password since. */
export async function checkAuthHash(
  userId: string,
  data: Readonly<Record<string, unknown>>,
  { secrets, passwordHash }: AuthOptions,
): Promise<void> {
  if (passwordHash === undefined) return;
  const known = await passwordHash(userId);
  const { _auth_user_hash: hash } = data;
  const isBound =
    known !== undefined && (await verifyDjangoAuthHash(hash, { secrets, passwordHash: known }));
  if (!isBound) refuse("expired", "is of a user who is gone, or has another password by now");
}

/** What Django's `login` puts beside the user's id. */
export async function authKeys(
  userId: string,
  { secrets, passwordHash, authBackend = MODEL_BACKEND }: AuthOptions,
): Promise<Record<string, unknown>> {
  const known = await passwordHash?.(userId);
  const hash =
    known === undefined
      ? {}
      : { _auth_user_hash: await djangoAuthHash({ secrets, passwordHash: known }) };
  return { _auth_user_backend: authBackend, ...hash };
}
