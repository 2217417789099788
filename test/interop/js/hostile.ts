/**
 * What every foreign format has to refuse, with a reason and without an error.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import type { ForeignSource } from "../../../src/interop/source.ts";
import { isRefused } from "../../../src/interop/source.ts";

const REASONS = ["absent", "malformed", "forged", "expired", "future", "too-large", "unsupported"];

type Cookies = Readonly<Record<string, string>>;

export interface HostileCase {
  readonly source: ForeignSource;
  /** Cookies that it takes. */
  readonly genuine: () => Cookies | Promise<Cookies>;
  /** The one that is altered. */
  readonly cookie: string;
  /** Changes of these characters are as good as none: what is there is not authenticated. */
  readonly free?: (value: string, at: number) => boolean;
  readonly runs?: number;
}

/** The part of the negative table that needs no knowledge of the format. */
export function refusesHostileCookies({
  source,
  genuine,
  cookie,
  free,
  runs = 300,
}: HostileCase): void {
  async function answer(value: string | undefined, others: Cookies): Promise<string> {
    const cookies: Record<string, string | undefined> = { ...others, [cookie]: value };
    const result = await source.open((name) => cookies[name], Date.now());
    if (!isRefused(result)) return "taken";
    expect(REASONS).toContain(result.refused);
    // The value itself is never in what the operator reads.
    if (value !== undefined && value.length > 8) expect(result.problem).not.toContain(value);
    return result.refused;
  }

  it("takes the genuine cookie", async () => {
    const all = await genuine();
    expect(await answer(all[cookie], all)).toBe("taken");
  });

  it("refuses one with any character changed", async () => {
    const all = await genuine();
    const value = all[cookie] as string;
    const step = Math.max(1, Math.floor(value.length / 150));
    const places = new Set([value.length - 1, value.length - 2]);
    for (let at = 0; at < value.length; at += step) places.add(at);
    for (const at of places) {
      if (free?.(value, at) === true) continue;
      for (const other of value[at] === "A" ? ["B", "Q"] : ["A", nextOf(value[at] as string)]) {
        const changed = value.slice(0, at) + other + value.slice(at + 1);
        expect(await answer(changed, all), `character ${at} of ${value.length}`).not.toBe("taken");
      }
    }
  });

  it("refuses one that was cut short, or has more behind it", async () => {
    const all = await genuine();
    const value = all[cookie] as string;
    for (let length = 0; length < value.length; length += 7) {
      expect(await answer(value.slice(0, length), all), `cut to ${length}`).not.toBe("taken");
    }
    for (const more of ["A", "=", ".", "*", ";", "%", "%00", "\0", value]) {
      expect(await answer(value + more, all), `with ${more} behind it`).not.toBe("taken");
    }
  });

  it("says that there is none", async () => {
    const all = await genuine();
    expect(await answer(undefined, all)).toBe("absent");
    expect(await answer("", all)).not.toBe("taken");
  });

  it("refuses what is far too long", async () => {
    const all = await genuine();
    const value = all[cookie] as string;
    for (const long of [
      "A".repeat(1_000_000),
      value + "A".repeat(1_000_000),
      "*".repeat(100_000),
    ]) {
      expect(await answer(long, all)).not.toBe("taken");
    }
  });

  it("P14 refuses anything else, and never fails", async () => {
    const all = await genuine();
    const value = all[cookie] as string;
    const noise = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ maxLength: 300, unit: "binary" }),
      fc.base64String({ maxLength: 300 }),
      fc
        .tuple(fc.nat(value.length), fc.nat(value.length), fc.string({ maxLength: 8 }))
        .map(([from, to, text]) => value.slice(0, from) + text + value.slice(to)),
    );
    await fc.assert(
      fc.asyncProperty(noise, async (text) => {
        fc.pre(text !== value);
        expect(await answer(text, all)).not.toBe("taken");
      }),
      { numRuns: runs },
    );
  });
}

function nextOf(character: string): string {
  return String.fromCharCode(character.charCodeAt(0) ^ 1);
}
