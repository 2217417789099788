import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Content, Kept } from "../../../src/core/record.ts";
import { decodeSealed, encodeSealed } from "../../../src/core/sealed-text.ts";
import { decodeAll, encodeAll } from "../../../src/core/tree.ts";
import type { SessionRecord } from "../../../src/stores/contract.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const CREATED = 1_795_000_000_000;

interface Given {
  readonly user?: { readonly id: string; readonly mark: number };
  readonly content?: Partial<Content>;
}

function kept({ user, content = {} }: Given = {}): Kept {
  const record: SessionRecord = {
    id: "A".repeat(24),
    revision: CREATED + 5,
    userId: user?.id,
    mark: user?.mark ?? 0,
    lastSeenAt: CREATED + 5,
    expiresAt: CREATED + 60_005,
    closed: false,
    body: "",
  };
  const full = new Content({
    createdAt: CREATED,
    endsAt: CREATED + 900_000,
    remembered: false,
    authentications: [],
    userAgent: undefined,
    address: undefined,
    verifiers: { current: "", rotatedAt: 0 },
    commits: "",
    version: 0,
    data: encodeAll({}),
    successor: undefined,
    head: undefined,
    ...content,
  });
  return new Kept(record, full);
}

function textOf({ record, content }: Kept): string {
  return encodeSealed(record, content);
}

/** What a session says, without how its parts are kept. */
function said({ record, content: { data, ...rest } }: Kept): object {
  return { record, ...rest, data: decodeAll(data) };
}

describe("the text inside a seal", () => {
  it("is short: for a visitor the id, the moments, the version, the data", () => {
    const visitor = kept({ content: { data: encodeAll({ cart: ["tea"] }), version: 2 } });
    expect(textOf(visitor)).toBe(
      `${"A".repeat(24)}[1795000000000,900000,5,60000,2]\n{"cart":["tea"]}`,
    );
  });

  it("says again what was said", () => {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const moment = fc.integer({ min: 0, max: 2 * CREATED });
    const proofs = fc.array(fc.record({ method: text, at: moment }), { maxLength: 3 });
    const signedIn = fc.record({ id: text, mark: moment });
    fc.assert(
      fc.property(
        fc.option(signedIn, { nil: undefined }),
        proofs,
        fc.boolean(),
        moment,
        fc.nat(),
        fc.dictionary(text, text),
        (user, authentications, remembered, endsAt, version, data) => {
          const proved = user === undefined ? {} : { authentications, remembered };
          const content = { ...proved, endsAt, version, data: encodeAll(data) };
          const given = kept({ ...(user && { user }), content });
          expect(said(decodeSealed(textOf(given)) as Kept)).toEqual(said(given));
        },
      ),
      { numRuns: Math.ceil(fuzzRuns() / 4) },
    );
  });

  it.each([
    ["nothing", ""],
    ["no line", "A".repeat(24)],
    ["no moments", `${"A".repeat(24)}\n{}`],
    ["too few moments", `${"A".repeat(24)}[1,2,3,4]\n{}`],
    // Compared with a clock, it would never be over.
    ["a moment that is none", `${"A".repeat(24)}[1,2,3,null,0]\n{}`],
    ["a user without a mark", `${"A".repeat(24)}[1,2,3,4,0,"ada"]\n{}`],
    ["moments that are no JSON", `${"A".repeat(24)}[1,2,3,4,0\n{}`],
    ["data that is no JSON", `${"A".repeat(24)}[1,2,3,4,0]\n{`],
    ["data that is a list", `${"A".repeat(24)}[1,2,3,4,0]\n[]`],
    ["data that is nothing", `${"A".repeat(24)}[1,2,3,4,0]\nnull`],
  ])("is none of ours with %s", (_name, text) => {
    expect(decodeSealed(text)).toBeUndefined();
  });
});
