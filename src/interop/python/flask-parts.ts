/**
 * What Flask's session interfaces have in common: permanent sessions, flashes, the keys of Flask-Login.
 *
 * @module
 */

import { ValueError } from "../../errors.ts";
import { utf8 } from "../../lib/bytes.ts";
import type { ForeignAttributes, ForeignDraft } from "../source.ts";
import type { Data } from "./source-parts.ts";
import { dataWithUser } from "./source-parts.ts";
import { tuple } from "./values.ts";
import { digest, hex } from "./web-crypto.ts";

/** Keys that Flask (`_permanent`, `_flashes`) and Flask-Login keep in a session. */
export const FLASK_KEYS: readonly string[] = [
  "_permanent",
  "_flashes",
  "_user_id",
  "_fresh",
  "_id",
  "_remember",
  "_remember_seconds",
];

/** Flask's `PERMANENT_SESSION_LIFETIME`. */
export const FLASK_LIFETIME = "31d";

/** Flask's defaults: no `Secure`, no `SameSite`. */
export const FLASK_ATTRIBUTES: ForeignAttributes = { path: "/", secure: false, httpOnly: true };

/** A message for the next page: `flask.flash(message, category)`. */
export interface Flash {
  readonly category: string;
  readonly message: unknown;
}

/** The messages that wait in a session, in the order in which they were flashed. */
export function flashesOf(data: Data): Flash[] {
  const flashes = Object.hasOwn(data, "_flashes") ? data["_flashes"] : [];
  if (!Array.isArray(flashes)) return [];
  return flashes.flatMap((flash: unknown) => {
    const [category, message] = Array.isArray(flash) ? (flash as unknown[]) : [];
    return typeof category === "string" ? [{ category, message }] : [];
  });
}

/** The data with one more message; Flask's own category is `"message"`. */
export function withFlash(
  data: Data,
  message: unknown,
  category = "message",
): Record<string, unknown> {
  const { _flashes: flashes } = data;
  const waiting: unknown[] = Array.isArray(flashes) ? flashes : [];
  return { ...data, _flashes: [...waiting, tuple([category, message])] };
}

/** Whether the cookie outlives the browser's run: `session.permanent`. */
export function isPermanent(data: Data): boolean {
  return Object.hasOwn(data, "_permanent") && data["_permanent"] === true;
}

/** What Flask gets to see: the draft's data, permanent as the draft says, the user where Flask-Login looks. */
export function flaskData(draft: ForeignDraft, userKey: string): Record<string, unknown> {
  const data = dataWithUser(draft, userKey, () => ({ _fresh: true }));
  if (draft.persistent === true) data["_permanent"] = true;
  if (draft.persistent === false) delete data["_permanent"];
  for (const key of Object.keys(data)) {
    if (data[key] === undefined) throw new ValueError(key, "is undefined: leave the key out");
  }
  return data;
}

/**
 * What Flask-Login (0.6) puts under `_id`, and compares with every request unless its session protection
 * is off. Without it a session that we wrote is not fresh there, or with "strong" protection not taken.
 *
 * @param address - the client's address as the Flask app sees it: the first of `X-Forwarded-For`, or the
 *   remote address.
 */
export async function flaskLoginIdentifier(
  address: string | undefined,
  userAgent: string | undefined,
): Promise<string> {
  return hex(await digest("sha512", `${pythonBytes(address)}|${pythonBytes(userAgent)}`));
}

/** Flask-Login hashes how Python shows the bytes: `b'…'`, and `None` for nothing. */
function pythonBytes(text: string | undefined): string {
  if (text === undefined) return "None";
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const shown = Array.from(utf8(text), (byte) => {
    const character = String.fromCharCode(byte);
    if (character === quote || character === "\\") return `\\${character}`;
    const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[byte];
    const isShown = byte >= 0x20 && byte < 0x7f;
    return short ?? (isShown ? character : `\\x${hex(Uint8Array.of(byte))}`);
  });
  return `b${quote}${shown.join("")}${quote}`;
}
