import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judge } from "../../src/core/judge.ts";
import {
  closedContent,
  decodeContent,
  encodeContent,
  Kept,
  withCommit,
} from "../../src/core/record.ts";
import { decodeSealed, encodeSealed } from "../../src/core/sealed-text.ts";
import { describe as infoOf } from "../../src/core/state.ts";
import { resolveTimeouts } from "../../src/core/timeouts.ts";
import { decodeAll } from "../../src/core/tree.ts";
import { isCoatcheckError } from "../../src/errors.ts";
import { fuzzRuns, fuzzTimeout } from "../support/fuzz.ts";

const numRuns = fuzzRuns();
const timeout = fuzzTimeout();
const timeouts = resolveTimeouts(undefined);

const json = fc.jsonValue({ maxDepth: 2 });
const text = fc.string({ unit: "binary", maxLength: 60 });
const stamped = fc.tuple(text, fc.integer());

/** A part as it should be, or anything that JSON has. */
const perhaps = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: json });

const bodies = fc
  .record(
    {
      v: perhaps(fc.constant(1)),
      c: perhaps(fc.integer()),
      e: perhaps(fc.integer()),
      t: perhaps(fc.oneof(stamped, fc.tuple(text, fc.integer(), perhaps(text), perhaps(fc.nat())))),
      r: perhaps(fc.constant(1)),
      a: perhaps(fc.array(perhaps(stamped), { maxLength: 3 })),
      u: perhaps(text),
      ip: perhaps(text),
      n: perhaps(fc.nat()),
      s: perhaps(text),
      w: perhaps(fc.stringMatching(/^[\w. -]{0,40}$/)),
      d: perhaps(fc.dictionary(text, json, { maxKeys: 3 })),
    },
    { requiredKeys: ["v", "c", "e", "t", "w", "d"] },
  )
  .map((body) => JSON.stringify(body));

const heads = fc.tuple(
  perhaps(fc.integer()),
  perhaps(fc.integer()),
  perhaps(fc.integer()),
  perhaps(fc.integer()),
  perhaps(fc.nat()),
  perhaps(fc.tuple(text, fc.integer(), perhaps(fc.constant(1)), perhaps(stamped))),
);
const sealedTexts = fc
  .tuple(heads, perhaps(fc.dictionary(text, json, { maxKeys: 3 })))
  .map(([head, data]) => `${"A".repeat(24)}${JSON.stringify(head)}\n${JSON.stringify(data)}`);

/** All that is done with what a body says. A wrong part is refused when it is read, not later. */
function use(kept: Kept): void {
  const { record, content } = kept;
  judge(kept, 0, timeouts, () => undefined, 0);
  infoOf(kept, timeouts);
  withCommit(content.commits, "writer.1");
  encodeContent(content);
  encodeContent(closedContent(content, "closing", undefined));
  encodeSealed(record, content);
  try {
    decodeAll(content.data);
  } catch (error) {
    expect(isCoatcheckError(error)).toBe(true);
  }
}

function useBody(body: string): boolean {
  const content = decodeContent(body);
  if (content === undefined) return false;
  use(
    new Kept(
      {
        id: "A".repeat(24),
        revision: 1,
        userId: undefined,
        mark: 0,
        lastSeenAt: 0,
        expiresAt: 0,
        closed: false,
        body,
      },
      content,
    ),
  );
  return true;
}

function useSealed(inside: string): boolean {
  const kept = decodeSealed(inside);
  if (kept === undefined) return false;
  use(kept);
  return true;
}

describe.each([
  ["a record's body", bodies, useBody],
  ["the text inside a seal", sealedTexts, useSealed],
] as const)("%s", (_name, almost, tryIt) => {
  it("is refused or can be used, whatever its parts are", { timeout }, () => {
    let used = 0;
    fc.assert(
      fc.property(almost, (given) => {
        if (tryIt(given)) used += 1;
      }),
      { numRuns },
    );
    // Many were right in all parts, and many were not: the parts were looked at.
    expect(used).toBeGreaterThan(numRuns / 20);
    expect(used).toBeLessThan(numRuns * 0.95);
  });

  it("is refused or can be used, whatever it is", { timeout }, () => {
    const anything = fc.oneof(
      text,
      fc.json(),
      fc.tuple(text, fc.json()).map((two) => two.join("\n")),
    );
    fc.assert(
      fc.property(anything, (given) => void tryIt(given)),
      { numRuns },
    );
  });

  it("is refused or can be used when it was cut or a character was changed", { timeout }, () => {
    fc.assert(
      fc.property(almost, fc.nat(), fc.string({ maxLength: 2 }), (given, at, put) => {
        const place = at % (given.length + 1);
        tryIt(given.slice(0, place));
        tryIt(given.slice(0, place) + put + given.slice(place + 1));
      }),
      { numRuns },
    );
  });
});
