/**
 * The text of a cookie for a foreign app. Ours are written by `cookie/write.ts`, which allows less.
 *
 * @module
 */

export { foreignCookieText } from "../cookie/foreign.ts";
