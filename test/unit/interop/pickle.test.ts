import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPickle, tuple, writePickle } from "../../../src/interop/pickle.ts";
import { isRefused } from "../../../src/interop/source.ts";
import { fuzzRuns, fuzzTimeout } from "../../support/fuzz.ts";

describe("readPickle", () => {
  // Each of these would run something in Python.
  it.each([
    ["os.system", "cos\nsystem\n(S'id'\ntR."],
    ["posix.system", "\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."],
    ["builtins.eval", "\x80\x02cbuiltins\neval\nX\x03\x00\x00\x001+1\x85R."],
    ["subprocess.Popen", "csubprocess\nPopen\n(S'id'\ntR."],
    ["builtins.getattr", "cbuiltins\ngetattr\n."],
    ["decimal.Decimal", "cdecimal\nDecimal\n(S'1'\ntR."],
    ["uuid.UUID", "\x80\x02cuuid\nUUID\n)\x81."],
    ["copyreg._reconstructor", "ccopyreg\n_reconstructor\n."],
    ["datetime.datetime.now", "\x80\x04\x8c\x08datetime\x8c\x0cdatetime.now\x93."],
  ])("refuses %s by name", (name, text) => {
    const answer = readPickle(bytes(text));
    expect(answer).toMatchObject({ refused: "unsupported" });
    expect(isRefused(answer) && answer.problem).toContain(`the global ${name}`);
  });

  it.each([
    ["INST", "(S'id'\nios\nsystem\n."],
    ["OBJ", "(cdatetime\ndatetime\no."],
    ["BUILD", "}}b."],
    ["NEWOBJ", "cdatetime\ndatetime\n)\x81."],
    ["NEWOBJ_EX", "cdatetime\ndatetime\n)}\x92."],
    ["PERSID", "P1\n."],
    ["BINPERSID", "K\x01Q."],
    ["EXT1", "\x82\x01."],
    ["NEXT_BUFFER", "\x80\x05\x97."],
  ])("refuses the instruction %s by name", (name, text) => {
    const answer = readPickle(bytes(text));
    expect(answer).toMatchObject({ refused: "unsupported" });
    expect(isRefused(answer) && answer.problem).toContain(`(${name})`);
  });

  it("P13 shows no name that is not one", () => {
    const answer = readPickle(bytes("cmy secret\nis\n."));
    expect(isRefused(answer) && answer.problem).not.toContain("secret");
  });

  it.each([
    ["a class that is not called", "cdatetime\ndatetime\n.", "unsupported"],
    [
      "a zone by itself",
      "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(K\x00K\x00K\x00tRtR.",
      "unsupported",
    ],
    ["a list in itself", "]q\x00h\x00a.", "unsupported"],
    ["a later protocol", "\x80\x06N.", "unsupported"],
    ["text of Python 2", "U\x01\xff.", "unsupported"],
    ["no end", "N", "malformed"],
    ["two values", "NN.", "malformed"],
    ["something behind the end", "N.N", "malformed"],
    ["a mark that is left", "(N.", "malformed"],
    ["nothing on the stack", "0.", "malformed"],
    ["an instruction that is none", "\xff.", "malformed"],
    ["an odd number of items", "}(K\x01u.", "malformed"],
    ["items for what holds none", "K\x01K\x02a.", "malformed"],
    ["what was never kept", "h\x07.", "malformed"],
    ["a number that is none", "Iten\n.", "malformed"],
    ["the 31st of February", "cdatetime\ndate\n(C\x04\x07\xea\x02\x1ftR.", "malformed"],
    [
      "the 25th hour",
      "cdatetime\ndatetime\n(C\x0a\x07\xea\x01\x01\x19\x00\x00\x00\x00\x00tR.",
      "malformed",
    ],
    ["more text than there is", "X\xff\xff\xff\x7fa.", "malformed"],
    ["broken UTF-8", "\x8c\x01\xff.", "malformed"],
  ])("refuses %s", (_, text, reason) => {
    expect(readPickle(bytes(text))).toMatchObject({ refused: reason });
  });

  it("P14 gives up on what is large, deep, or small and stands for much", () => {
    const refused = { refused: "too-large" };
    expect(readPickle(writePickle("tea"), { maxBytes: 7 })).toMatchObject(refused);
    expect(readPickle(bytes(`${"]".repeat(100)}${"a".repeat(99)}.`))).toMatchObject(refused);
    expect(readPickle(bytes(`${"]".repeat(60)}${"a".repeat(59)}.`))).toHaveProperty("value");
    // Thirty lists, each of which holds the one before it ten times: 10^30 values in 700 bytes.
    let laughs = "]q\x00";
    for (let level = 1; level <= 30; level += 1) {
      const before = `h${String.fromCharCode(level - 1)}`;
      laughs += `](${before.repeat(10)}eq${String.fromCharCode(level)}`;
    }
    expect(readPickle(bytes(`${laughs}.`))).toMatchObject({ refused: "malformed" });
    expect(readPickle(bytes(`(${laughs}l.`))).toMatchObject(refused);
    expect(readPickle(bytes(`${"N0".repeat(300_000)}N.`))).toMatchObject(refused);
    expect(readPickle(bytes(`I1${"0".repeat(5000)}\n.`))).toMatchObject(refused);
  });

  it.each([
    ["text", "X\xa0\x86\x01\x00", "a"],
    ["bytes", "B\xa0\x86\x01\x00", "a"],
    // The longest that is read.
    ["a number", "\x8b\x66\x08\x00\x00", "\x7f"],
  ])("P14 counts %s as often as it is referred to", (_, begins, unit) => {
    const [low, next, third] = bytes(begins).subarray(1) as unknown as [number, number, number];
    const content = unit.repeat(low + next * 256 + third * 65_536);
    const references = (count: number) =>
      bytes(`](${begins}${content}q\x00${"h\x00".repeat(count)}e.`);
    expect(readPickle(references(2))).toHaveProperty("value");
    // It would be a hundred megabytes and more as soon as it is written again.
    expect(readPickle(references(90_000))).toMatchObject({ refused: "too-large" });
  });

  it("P14 copies no more than it reads", () => {
    const make = "cbuiltins\n%\nq\x000";
    const times = (what: string, arg: string, count: number) =>
      bytes(`${make.replace("%", what)}${arg}q\x010${"h\x00h\x01R0".repeat(count)}N.`);
    // A set, and bytes, of what is there once: each copy takes six bytes.
    const list = `](${"N".repeat(20_000)}e\x85`;
    const text = `B\x20\x4e\x00\x00${"a".repeat(20_000)}\x85`;
    for (const [what, arg] of [
      ["set", list],
      ["frozenset", list],
      ["bytes", text],
      ["bytearray", text],
    ] as const) {
      expect(readPickle(times(what, arg, 50)), what).toEqual({ value: null });
      expect(readPickle(times(what, arg, 20_000)), what).toMatchObject({ refused: "too-large" });
    }
    const encoded = times("set", `X\x20\x4e\x00\x00${"a".repeat(20_000)}U\x06latin1\x86`, 20_000);
    const called = Buffer.from(encoded)
      .toString("latin1")
      .replace("builtins\nset", "_codecs\nencode");
    expect(readPickle(bytes(called))).toMatchObject({ refused: "too-large" });
  });

  it("P14 counts the name of a zone with each moment in it", () => {
    const zone = "cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00K\x00K\x00\x87R";
    const state = "cdatetime\ndatetime\nC\x0a\x07\xea\x0b\x15\r1\x04\x05]\xc4";
    const moments = (count: number) =>
      bytes(
        `${state}${zone}X\x20\x4e\x00\x00${"z".repeat(20_000)}\x86R\x86Rq\x000(${"h\x00".repeat(count)}l.`,
      );
    expect(readPickle(moments(40))).toHaveProperty("value");
    // Written again it would be 400 megabytes.
    expect(readPickle(moments(20_000))).toMatchObject({ refused: "too-large" });
  });

  it("P14 counts the levels of what is referred to", () => {
    // Fifty lists in one another, and fifty around those, which the list beside them has made before.
    const nested = `${"]".repeat(50)}${"a".repeat(49)}q\x00`;
    expect(readPickle(bytes(`(${nested}${"]".repeat(50)}h\x00${"a".repeat(50)}l.`))).toMatchObject({
      refused: "too-large",
    });
    expect(readPickle(bytes(`(${nested}${"]".repeat(13)}h\x00${"a".repeat(13)}l.`))).toHaveProperty(
      "value",
    );
  });

  it("P14 reads a few thousand numbers as keys, and keeps values where Python does", () => {
    const numbers = (count: number) =>
      Array.from({ length: count }, (_, at) => `M${String.fromCharCode(at & 255, at >> 8)}`);
    const set = (count: number) => bytes(`\x8f(${numbers(count).join("")}\x90.`);
    const dict = (count: number) => bytes(`}(${numbers(count).join("N")}Nu.`);
    for (const made of [set, dict]) {
      expect(readPickle(made(9_000))).toHaveProperty("value");
      // With one hash they would take seconds.
      expect(readPickle(made(30_000))).toMatchObject({ refused: "too-large" });
    }
    expect(readPickle(bytes("Nr\xff\xff\xff\x7f."))).toMatchObject({ refused: "malformed" });
  });

  it.each([
    // `pickle.dumps(timezone.now(), 2)` and `5` in an app with Django 3.2, whose UTC is that of pytz.
    [
      2,
      "cdatetime\ndatetime\nc_codecs\nencode\nX\x0c\x00\x00\x00\x07\xc3\xaa\x0b\x15\r1\x04\x05]\xc3\x84",
    ],
    [5, "\x8c\x08datetime\x8c\x08datetime\x93C\n\x07\xea\x0b\x15\r1\x04\x05]\xc4"],
  ])("reads a moment in the UTC of pytz, protocol %s", (protocol, start) => {
    const state = protocol === 2 ? `${start}X\x06\x00\x00\x00latin1\x86R` : start;
    const answer = readPickle(
      bytes(`\x80${String.fromCharCode(protocol)}${state}cpytz\n_UTC\n)R\x86R.`),
    );
    expect(answer).toEqual({ value: new Date("2026-11-21T13:49:04.351Z") });
  });

  it("keeps __proto__ a key", () => {
    const answer = readPickle(writePickle(JSON.parse('{"__proto__":{"admin":true}}')));
    const { value } = answer as { value: { admin?: unknown } };
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(value.admin).toBeUndefined();
  });

  it(
    "P14 answers to any bytes",
    () => {
      const opcodes = fc.constantFrom(
        ..."(.012FGIJKLMNPQRSTUVXabcdefghijlopqrstu]})\x80\x81\x85\x88\x8a\x8c\x8f\x90\x91\x93\x94\x95",
      );
      const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: opcodes }));
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array(), text.map(bytes)), (data) => {
          const answer = readPickle(data);
          expect(isRefused(answer) || "value" in answer).toBe(true);
        }),
        { numRuns: fuzzRuns() },
      );
    },
    fuzzTimeout(),
  );
});

describe("writePickle", () => {
  it.each([
    ["a function", { a: { b: () => {} } }, "a.b"],
    ["undefined", { a: [1, undefined] }, "a[1]"],
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    ["a hole in an array", { a: [1, , 2] }, "a[1]"],
    ["a symbol", Symbol("s"), ""],
    ["an object of a class", { a: new URL("http://a/") }, "a"],
    ["a key that Python cannot hash", new Map([[[1], 1]]), "1"],
    ["a set of lists", new Set([[1]]), ""],
    ["half a pair", { a: "\ud800" }, "a"],
    ["a date that is none", { a: new Date(Number.NaN) }, "a"],
    ["a date after the year 9999", { a: new Date(8.64e15) }, "a"],
  ])("cannot write %s, and says where it is", (_, value, path) => {
    expect(() => writePickle(value)).toThrow(expect.objectContaining({ code: "ERR_VALUE", path }));
  });

  it("does not follow a value for ever", () => {
    const value: unknown[] = [];
    value.push(value);
    expect(() => writePickle(value)).toThrow(expect.objectContaining({ code: "ERR_VALUE" }));
  });

  it("takes a tuple of text for a key", () => {
    const value = new Map([[tuple(["a", 1]), 2]]);
    const answer = readPickle(writePickle(value)) as { value: Map<unknown, unknown> };
    expect([...answer.value]).toEqual([[["a", 1], 2]]);
  });
});

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
