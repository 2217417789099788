// @ts-check
/**
 * Clients that each have a session of their own.
 *
 * @module
 */

import { cookieHeader } from "./cookies.mjs";

/**
 * Starts sessions, and makes sure that the library does what will be measured: a change is kept.
 *
 * @param {number} count
 * @param {(url: string, cookie?: string) => Promise<{ status: number, setCookie: string[], text: string }>} ask
 * @returns {Promise<string[]>} one `Cookie` header each
 */
export async function sessionCookies(count, ask) {
  const cookies = [];
  for (let n = 0; n < count; n++) {
    const { status, setCookie, text } = await ask(`/start?n=${n}`);
    if (status !== 200 || setCookie.length === 0) throw new Error(`/start: ${status} ${text}`);
    cookies.push(cookieHeader(setCookie));
  }
  const [first = ""] = cookies;
  const changed = await ask("/change", first);
  const after = cookieHeader(changed.setCookie, first);
  const { text: views } = await ask("/views", after);
  if (Number(views) === 4711 || Number.isNaN(Number(views))) {
    throw new Error(`/change was not kept: ${changed.status} ${changed.text}, views ${views}`);
  }
  return cookies;
}
