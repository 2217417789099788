/**
 * A cookie of a signed-in user, without a browser and without a sign-in form.
 *
 * @module
 */

import type { SignInOptions } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";

export interface SignedInOptions<Data extends object = Record<string, unknown>>
  extends SignInOptions<Data> {
  /** What the session holds from the start. */
  readonly data?: Partial<Data> | undefined;
  /** Headers of the request that signs in, such as `user-agent`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Signs a user in and gives the `Cookie` header that their next request would carry.
 *
 * @example
 * ```ts
 * const cookie = await signedInCookie(sessions, "ada", { data: { theme: "dark" } });
 * const response = await app.request("/account", { headers: { cookie } });
 * ```
 */
export async function signedInCookie<Data extends object>(
  sessions: Sessions<Data>,
  userId: string,
  options: SignedInOptions<Data> = {},
): Promise<string> {
  const { data = {}, headers = {}, ...signIn } = options;
  const session = sessions.open({ headers: new Headers(headers) });
  const loaded = await session.load();
  for (const [key, value] of Object.entries(data) as [keyof Data & string, never][]) {
    loaded.set(key, value);
  }
  await session.signIn(userId, signIn);
  const { cookies } = await session.commit({ at: "head" });
  return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
}
