// @ts-check
/**
 * What every library gets alike: the session, the secrets, the cases.
 *
 * @module
 */

/** The session of one visitor: 287 bytes as JSON, as in a small shop. */
export function sessionData(/** @type {number} */ n) {
  return {
    user: `user-${String(n).padStart(6, "0")}`,
    role: "customer",
    locale: "en-GB",
    theme: "dark",
    views: 4711,
    cart: [
      { sku: "TEA-0042", name: "Assam, second flush", quantity: 2, price: 1290 },
      { sku: "CUP-0007", name: "Cup, blue", quantity: 1, price: 1800 },
    ],
    flags: { newsletter: true, beta: false, tour: "done" },
  };
}

/** Long enough for every library; two, because some want a list. Keys of a bench, not of an app. */
export const SECRET = "Yx3rT0v-6Jm1qWcE9sZpK4uNfLb7hGdA2iRoXyVtUwM";
export const SECRET_HEX = "8f1c0b7e5a2d49638e7f6c5b4a392817f0e1d2c3b4a5968778695a4b3c2d1e0f";

/** In seconds. Every library is told the same. */
export const ONE_DAY = 86_400;

/**
 * The cases. `path` says what the handler does; `cookie` what the client sends.
 *
 * @typedef {"none" | "read" | "change" | "untouched" | "forged"} Case
 * @type {readonly { readonly id: Case, readonly path: string, readonly cookie: "none" | "valid" | "forged", readonly title: string, readonly says: string }[]}
 */
export const CASES = [
  {
    id: "none",
    path: "/untouched",
    cookie: "none",
    title: "no cookie",
    says: "no cookie, and the handler does not look at the session",
  },
  {
    id: "untouched",
    path: "/untouched",
    cookie: "valid",
    title: "untouched",
    says: "a valid cookie, and the handler does not look at the session",
  },
  {
    id: "read",
    path: "/read",
    cookie: "valid",
    title: "read",
    says: "a valid cookie, and the handler reads one field",
  },
  {
    id: "change",
    path: "/change",
    cookie: "valid",
    title: "change",
    says: "a valid cookie, and the handler changes one field",
  },
  {
    id: "forged",
    path: "/read",
    cookie: "forged",
    title: "forged",
    says: "a cookie of the right shape with one character changed, and the handler reads one field",
  },
];

/** What a browser sends besides. */
export const BROWSER_HEADERS = [
  "Host",
  "127.0.0.1:3000",
  "User-Agent",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Accept",
  "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language",
  "en-GB,en;q=0.5",
  "Accept-Encoding",
  "gzip, deflate, br",
  "Connection",
  "keep-alive",
];
