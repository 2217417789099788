/**
 * The types that JSON lacks, each with its tag and both directions.
 *
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../lib/base64url.ts";
import type { Step } from "./refusal.ts";
import type { Json } from "./value.ts";

const DOLLAR = 0x24;

/** Whether the only key of an object makes it a tag. */
export function isTag(key: string | undefined): boolean {
  return key?.charCodeAt(0) === DOLLAR;
}

/** A built-in class that is kept. */
export interface Special {
  readonly tag: string;
  toJson(value: unknown, encoder: Encoder): Json;
}

/** What the walk over the whole value does for one special value. */
export interface Encoder {
  child(step: Step, value: unknown): Json;
  refuse(problem: string): never;
}

/** By prototype, so that a subclass, which would lose its class, is not taken for one of these. */
export const specials: ReadonlyMap<unknown, Special> = new Map<unknown, Special>([
  [
    Date.prototype,
    {
      tag: "$date",
      toJson(date, { refuse }) {
        const at = (date as Date).getTime();
        return Number.isNaN(at) ? refuse("is an invalid Date") : at;
      },
    },
  ],
  [
    Map.prototype,
    {
      tag: "$map",
      toJson: (map, { child }) =>
        Array.from(map as Map<unknown, unknown>, ([key, value], at) => [
          child({ in: "keys", at }, key),
          child({ in: "values", at, key }, value),
        ]),
    },
  ],
  [
    Set.prototype,
    {
      tag: "$set",
      toJson: (set, { child }) =>
        Array.from(set as Set<unknown>, (member, at) => child({ in: "members", at }, member)),
    },
  ],
  [
    URL.prototype,
    {
      tag: "$url",
      toJson(url, { refuse }) {
        const { href } = url as URL;
        // A few URLs, once changed through their properties, do not come back from their own text.
        return toUrl(href)?.href === href
          ? href
          : refuse("is a URL that its own `href` does not give");
      },
    },
  ],
  [
    Uint8Array.prototype,
    { tag: "$bytes", toJson: (bytes) => encodeBase64url(bytes as Uint8Array) },
  ],
]);

/** By tag, from the revived content to the value; `undefined` when the content is wrong. */
export const revivers: ReadonlyMap<string, (content: unknown) => unknown> = new Map<
  string,
  (content: unknown) => unknown
>([
  ["$date", (at) => (typeof at === "number" ? sameOrNothing(new Date(at), at) : undefined)],
  [
    "$map",
    (entries) => (isEntries(entries) ? fullOrNothing(new Map(entries), entries) : undefined),
  ],
  ["$set", (all) => (Array.isArray(all) ? fullOrNothing(new Set(all), all) : undefined)],
  ["$url", (href) => (typeof href === "string" ? toUrl(href) : undefined)],
  ["$bytes", (text) => (typeof text === "string" ? decodeBase64url(text) : undefined)],
  ["$bigint", (digits) => (isHexadecimal(digits) ? toBigint(digits) : undefined)],
  ["$number", (text) => (text === "-0" ? -0 : undefined)],
]);

function sameOrNothing(date: Date, at: number): Date | undefined {
  return date.getTime() === at ? date : undefined;
}

/** Entries that are there twice were not written by us. */
function fullOrNothing<Kept extends { readonly size: number }>(
  kept: Kept,
  { length }: readonly unknown[],
): Kept | undefined {
  return kept.size === length ? kept : undefined;
}

function isEntries(content: unknown): content is [unknown, unknown][] {
  return (
    Array.isArray(content) && content.every((entry) => Array.isArray(entry) && entry.length === 2)
  );
}

function isHexadecimal(content: unknown): content is string {
  return typeof content === "string" && /^(?:0|-?[1-9a-f][0-9a-f]*)$/.test(content);
}

function toBigint(digits: string): bigint {
  return digits.startsWith("-") ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
}

function toUrl(href: string): URL | undefined {
  try {
    return new URL(href);
  } catch {
    return undefined;
  }
}
