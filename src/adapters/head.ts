/**
 * Applies what a commit asks of the head of a response, whoever keeps the headers.
 *
 * @module
 */

import { mergeCacheControl, mergeVary } from "../cookie/cache.ts";
import { replaceCookies } from "../cookie/write.ts";
import type { HeadChanges } from "../core/session.ts";

/** The headers of a response, as `node:http` has them. Names are in any case. */
export interface HeadTarget {
  /** In lower case. */
  getHeaderNames(): readonly string[];
  getHeader(name: string): number | string | readonly string[] | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** What a handle asks for that was not looked at. */
export const NO_CHANGES: HeadChanges = {
  cookies: [],
  vary: false,
  cacheControl: undefined,
  clearSiteData: undefined,
};

/**
 * Merges the changes into the headers that are there: nothing of others is lost or loosened.
 *
 * `Cache-Control` is not the last word for a CDN that is told something else (RFC 9213), so those
 * fields are tightened too. They are never added: a CDN that finds none goes by `Cache-Control`.
 */
export function applyHead(changes: HeadChanges, target: HeadTarget): void {
  const { cookies, vary, cacheControl, clearSiteData } = changes;
  let varies: string | undefined;
  let cached: string | undefined;
  for (const name of target.getHeaderNames()) {
    if (name === "vary") varies = textOf(target.getHeader(name));
    else if (name === "cache-control") cached = textOf(target.getHeader(name));
    else if (cacheControl !== undefined && speaksToCaches(name)) {
      target.setHeader(name, mergeCacheControl(textOf(target.getHeader(name)), cacheControl));
    }
  }
  if (vary) target.setHeader("Vary", mergeVary(varies));
  if (cacheControl !== undefined) {
    target.setHeader("Cache-Control", mergeCacheControl(cached, cacheControl));
  }
  if (cookies.length > 0) {
    const existing = target.getHeader("Set-Cookie");
    const fields = replaceCookies(listOf(existing), cookies);
    const [first] = fields;
    // One as a text: a list of one is joined only to be checked.
    target.setHeader("Set-Cookie", fields.length === 1 ? (first as string) : fields);
  }
  if (clearSiteData !== undefined) {
    const existing = textOf(target.getHeader("Clear-Site-Data"));
    const value = existing === undefined ? clearSiteData : `${existing}, ${clearSiteData}`;
    // For a last word it is applied twice.
    if (!existing?.includes(clearSiteData)) target.setHeader("Clear-Site-Data", value);
  }
}

/** Whether a header says who may store the answer: `Cache-Control`, and what CDNs obey instead. */
export function speaksToCaches(name: string): boolean {
  return name.endsWith("cache-control") || name === "surrogate-control";
}

/** What several kinds of sessions ask of one head. */
export function mergeChanges(all: readonly HeadChanges[]): HeadChanges {
  const asked = all.map(({ cacheControl }) => cacheControl);
  const data = all.flatMap(({ clearSiteData }) => clearSiteData ?? []);
  return {
    cookies: all.flatMap(({ cookies }) => cookies),
    vary: all.some(({ vary }) => vary),
    cacheControl: asked.includes("no-store") ? "no-store" : asked.find((each) => each),
    clearSiteData: data.length === 0 ? undefined : data.join(", "),
  };
}

type HeaderValue = ReturnType<HeadTarget["getHeader"]>;

function listOf(value: HeaderValue): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [String(value)];
}

/** Several fields of one name are one list (RFC 9110 §5.3). */
function textOf(value: HeaderValue): string | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(", ") : String(value);
}
