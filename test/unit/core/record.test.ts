import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Content,
  closedContent,
  decodeContent,
  encodeContent,
  fateOf,
  withCommit,
} from "../../../src/core/record.ts";
import { cellOf, decodeAll, encodeAll } from "../../../src/core/tree.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

function content(part: Partial<Content> = {}): Content {
  return {
    createdAt: 1000,
    endsAt: 2000,
    remembered: false,
    authentications: [],
    userAgent: undefined,
    address: undefined,
    verifiers: { current: "c", rotatedAt: 1000 },
    commits: "",
    version: 0,
    data: encodeAll({}),
    successor: undefined,
    head: undefined,
    ...part,
  };
}

/** What a content says, without how its parts are kept. */
function said({ data, head: _head, ...rest }: Content): object {
  return { ...rest, data: decodeAll(data) };
}

const again = (given: Content): Content => decodeContent(encodeContent(given)) as Content;

describe("a record's body", () => {
  it("says again what was said", () => {
    const full = content({
      remembered: true,
      authentications: [{ method: "pass\u0000key", at: 5 }],
      userAgent: 'a "quoted" agent',
      address: "::1",
      verifiers: { current: "c", rotatedAt: 1, previous: "p", confirmedAt: 2 },
      commits: "w.1 x.2",
      version: 3,
      data: encodeAll({ a: new Map([["k", 1n]]), __proto: null, "": [undefined, -0].slice(1) }),
      successor: "s",
    });
    expect(said(again(full))).toEqual(said(full));
    expect(said(again(content()))).toEqual(said(content()));
  });

  it("says the same whatever texts stand in it, also when it is written again", () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(',"w":"', '","w":["x"],"d":{"', "\\", '"', "\u2028", "{}"),
    );
    fc.assert(
      fc.property(odd, odd, odd, odd, (userAgent, address, key, value) => {
        const first = content({ userAgent, address, data: encodeAll({ [key]: value }) });
        const second = again(first);
        expect(said(second)).toEqual(said(first));
        for (const changed of ["n", key]) {
          const data = second.data.with(new Map([[changed, cellOf([value], changed)]]));
          const third = new Content(second, second.verifiers, data, second.version);
          third.commits = withCommit(second.commits, "w.1");
          const wanted = {
            ...decodeAll(first.data),
            ...decodeAll(encodeAll({ [changed]: [value] })),
          };
          expect(said(again(third))).toEqual({ ...said(first), commits: "w.1", data: wanted });
        }
      }),
      { numRuns: Math.ceil(fuzzRuns() / 4) },
    );
  });

  it.each([
    ["anew", (body: string) => JSON.stringify(JSON.parse(body), null, 1)],
    ["after it", (body: string) => `${body}\n\t\n \t`],
  ])("that somebody else has written %s, with spaces, says the same", (_, written) => {
    const first = content({ data: encodeAll({ a: { b: 1 }, b: 1 }), commits: "w.1" });
    const spaced = written(encodeContent(first));
    const read = decodeContent(spaced) as Content;
    const data = read.data.with(new Map([["b", cellOf(2, "b")]]));
    const next = new Content(read, read.verifiers, data, read.version);
    expect(said(again(next))).toEqual({ ...said(first), data: { a: { b: 1 }, b: 2 } });
  });

  it("with other verifiers or another version says those", () => {
    const before = again(content());
    const verifiers = { current: "n", rotatedAt: 9, previous: "c", confirmedAt: undefined };
    const after = new Content(before, verifiers, before.data, 2);
    expect(said(again(after))).toEqual(said(content({ verifiers, version: 2 })));
  });

  it.each([
    "",
    "null",
    "5",
    "[]",
    "{}",
    '{"v":1}',
    '{"v":2,"c":1,"e":2,"t":["c",1],"w":"","d":{}}',
    '{"v":1,"c":"1","e":2,"t":["c",1],"w":"","d":{}}',
    '{"v":1,"c":1,"e":2,"t":"c","w":"","d":{}}',
    '{"v":1,"c":1,"e":2,"t":["c",1],"w":[],"d":{}}',
    '{"v":1,"c":1,"e":2,"t":["c",1],"w":"a\\"b","d":{}}',
    '{"v":1,"c":1,"e":2,"t":["c",1],"w":"","d":[]}',
    '{"v":1,"c":1,"e":2,"t":["c",1],"w":"","d":null}',
    '{"v":1,"c":1,"e":2,"t":["c",1],"w":"","d":{}',
    'a:1:{s:4:"user";}',
  ])("that is none of ours is refused: %j", (text) => {
    expect(decodeContent(text)).toBeUndefined();
  });

  it("that was cut anywhere is refused", () => {
    const text = encodeContent(content({ data: encodeAll({ a: [1, { b: "x" }] }) }));
    for (let length = 0; length < text.length; length += 1) {
      expect(decodeContent(text.slice(0, length))).toBeUndefined();
    }
  });

  it("of a session that has ended keeps no data, no device and no proof", () => {
    const ended = closedContent(
      content({
        authentications: [{ method: "password", at: 1 }],
        userAgent: "agent",
        address: "::1",
        data: encodeAll({ card: "4242" }),
      }),
      "closing",
      "next",
    );
    expect(encodeContent(ended)).not.toMatch(/4242|agent|::1|password/);
    expect(again(ended)).toMatchObject({
      successor: "next",
      commits: "closing",
      verifiers: { current: "c" },
    });
  });
});

describe("the commits that a record remembers", () => {
  it("are the last one of each of the last eight writers", () => {
    let commits = "";
    for (let at = 0; at < 12; at += 1) commits = withCommit(commits, `writer${at}.1`);
    const last = [4, 5, 6, 7, 8, 9, 10, 11].map((at) => `writer${at}.1`);
    expect(commits.split(" ")).toEqual(last);
    commits = withCommit(commits, "writer6.2");
    const others = last.filter((id) => id !== "writer6.1");
    expect(commits.split(" ")).toEqual([...others, "writer6.2"]);
  });

  it("tell writers apart whose names begin alike", () => {
    expect(withCommit(withCommit("", "ab.1"), "a.1")).toBe("ab.1 a.1");
  });

  it("say whether a write was kept, was not, or cannot be told any more", () => {
    const kept = (revision: number, commits: readonly string[]) => ({
      record: { revision } as never,
      content: content({ commits: commits.join(" ") }),
    });
    const others = Array.from({ length: 8 }, (_, at) => `writer${at}.1`);
    expect(fateOf("me.1", kept(2, ["me.1"]), 1)).toBe("kept");
    expect(fateOf("me.1", kept(2, ["me.2"]), 1)).toBe("not-kept");
    expect(fateOf("me.1", kept(9, others), 1)).toBe("not-kept");
    expect(fateOf("me.1", kept(10, others), 1)).toBe("unknown");
    expect(fateOf("me.1", kept(100, others.slice(1)), 1)).toBe("not-kept");
  });
});
