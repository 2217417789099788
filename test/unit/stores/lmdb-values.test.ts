import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCutOff,
  decodeRevocation,
  decodeSession,
  encodeCutOff,
  encodeRevocation,
  encodeSession,
  isLiveValue,
} from "../../../src/stores/lmdb-values.ts";

const moment = fc.double({ noNaN: true });
// Half surrogates too: what UTF-8 cannot hold has to come back as well.
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("a", "é", "❄", "🧥", "\ud800", "\udfff") }),
);

const session = fc.record({
  record: fc.record({
    id: fc.constant("A".repeat(24)),
    revision: fc.nat({ max: 0xffffffff }),
    userId: fc.option(text, { nil: undefined }),
    mark: moment,
    lastSeenAt: moment,
    expiresAt: moment,
    closed: fc.boolean(),
    body: text,
  }),
  lookAt: moment,
});

describe("the values of an LMDB store", () => {
  it("give a session back as it was", () => {
    fc.assert(
      fc.property(session, (stored) => {
        const value = Buffer.from(encodeSession(stored));
        expect(decodeSession(stored.record.id, value)).toEqual(stored);
      }),
      { numRuns: 500 },
    );
  });

  it("give a session back when it is far longer than the one before", () => {
    fc.assert(
      fc.property(session, fc.nat({ max: 300_000 }), (stored, length) => {
        const long = { ...stored, record: { ...stored.record, body: "❄".repeat(length) } };
        const value = Buffer.from(encodeSession(long));
        expect(decodeSession(long.record.id, value)).toEqual(long);
      }),
      { numRuns: 20 },
    );
  });

  it("tell whether a session is live", () => {
    fc.assert(
      fc.property(session, moment, (stored, now) => {
        const { closed, expiresAt } = stored.record;
        expect(isLiveValue(encodeSession(stored), now)).toBe(!closed && expiresAt > now);
      }),
    );
  });

  it("give a cut-off back", () => {
    fc.assert(
      fc.property(moment, moment, (at, keepUntil) => {
        const value = Buffer.from(encodeCutOff({ at, keepUntil }));
        expect(decodeCutOff(value)).toEqual({ at, keepUntil });
      }),
    );
  });

  it("give a revocation back, of every kind and for ever", () => {
    const revocation = fc.record(
      {
        kind: fc.constantFrom("session" as const, "user" as const, "everyone" as const),
        id: text,
        at: moment,
        until: moment,
        except: text,
      },
      { requiredKeys: ["kind", "at", "until"] },
    );
    fc.assert(
      fc.property(revocation, (entry) => {
        expect(decodeRevocation(encodeRevocation(entry))).toStrictEqual({ ...entry });
      }),
    );
  });
});
