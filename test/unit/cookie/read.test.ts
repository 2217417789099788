import { describe, expect, it } from "vitest";
import { readCookies } from "../../../src/cookie/read.ts";

describe("readCookies", () => {
  it("finds our cookie wherever it stands", () => {
    expect(readCookies("sid=x", "sid")).toEqual(["x"]);
    expect(readCookies("sid=x; theme=dark", "sid")).toEqual(["x"]);
    expect(readCookies("a=1; sid=x; theme=dark", "sid")).toEqual(["x"]);
    expect(readCookies("a=1; sid=x", "sid")).toEqual(["x"]);
    expect(readCookies("__Host-Http-sid=x; sid=y", "__Host-Http-sid")).toEqual(["x"]);
  });

  it("finds nothing where there is nothing", () => {
    for (const header of ["", " ", ";", "=", ";;=;", "theme=dark", "sid", "sid;", "; sid ;"]) {
      expect(readCookies(header, "sid")).toEqual([]);
    }
    expect(readCookies("=x; a=b", "")).toEqual([]);
  });

  it.each([
    ["another value has our name in it", "next=sid=evil"],
    ["another value begins with our name", "next=sid; a=b"],
    ["another name ends in ours", "xsid=evil; my-sid=evil; __Host-sid=evil"],
    ["another name begins with ours", "sid2=evil; sid-1=evil; sid.sig=evil"],
    ["another name has a blank before ours", "x sid=evil"],
    ["our name has something after it", "sid x=evil"],
    ["the case differs", "SID=evil; Sid=evil"],
    // CVE-2026-39410
    [
      "the name begins with other white space",
      "\u00a0sid=evil; \vsid=evil; \fsid=evil; \nsid=evil",
    ],
    ["the name ends with other white space", "sid\u00a0=evil; sid\v=evil"],
    // CVE-2020-8184, CVE-2020-7070, CVE-2022-36032
    ["the name is percent-encoded", "%73id=evil; si%64=evil"],
    // CVE-2023-23934
    ["the pair has no name", "=sid=evil; = sid=evil"],
    ["the pair has no equals sign", "sid; sid evil"],
    ["only a comma is before it", "a=b,sid=evil; c=d, sid=evil"],
    ["it is quoted", '"sid=evil"; "sid"=evil'],
  ])("P3 does not take it for ours when %s", (_, header) => {
    expect(readCookies(header, "sid")).toEqual([]);
  });

  it("P3 matches prefixes in their one spelling", () => {
    const header = "__host-Http-sid=a; __HOST-HTTP-SID=b; __Host-http-sid=c; __Host-Http-sid=d";
    expect(readCookies(header, "__Host-Http-sid")).toEqual(["d"]);
  });

  it("splits at the first equals sign", () => {
    expect(readCookies("sid=a=b==; x=y", "sid")).toEqual(["a=b=="]);
  });

  it("trims spaces and tabs, and nothing else", () => {
    expect(readCookies(" \t sid \t = \t x \t ; a=b", "sid")).toEqual(["x"]);
    expect(readCookies("sid=\u00a0x\u00a0", "sid")).toEqual(["\u00a0x\u00a0"]);
    expect(readCookies("sid=x\n", "sid")).toEqual(["x\n"]);
  });

  it("gives values as they stand", () => {
    expect(readCookies('sid="x"', "sid")).toEqual(['"x"']);
    expect(readCookies("sid=%41+b", "sid")).toEqual(["%41+b"]);
    expect(readCookies("sid=a, sid=b", "sid")).toEqual(["a, sid=b"]);
    expect(readCookies("sid=", "sid")).toEqual([""]);
    expect(readCookies("sid=;sid= ", "sid")).toEqual([""]);
  });

  it("ends a value at a semicolon, quoted or not, as browsers do", () => {
    expect(readCookies('a="b; sid=x"; c=d', "sid")).toEqual(['x"']);
  });

  it("keeps different values in order and folds equal ones", () => {
    expect(readCookies("sid=b; sid=a; x=y; sid=b; sid=c", "sid")).toEqual(["b", "a", "c"]);
  });

  it("P14 gives at most four values", () => {
    const header = Array.from({ length: 50 }, (_, index) => `sid=${index}`).join("; ");
    expect(readCookies(header, "sid")).toEqual(["0", "1", "2", "3"]);
  });

  it("is not confused by names of object properties", () => {
    expect(readCookies("sid=x", "__proto__")).toEqual([]);
    expect(readCookies("__proto__=x; constructor=y", "__proto__")).toEqual(["x"]);
  });

  it("finds our cookie behind a megabyte of others", () => {
    const others = "name=value; ".repeat(90_000);
    expect(readCookies(`${others}sid=x`, "sid")).toEqual(["x"]);
  });

  it.each([
    ["our name without a value", "sid;"],
    ["our name after blanks", "  sid "],
    ["one of our cookies over and over", "sid=x;"],
    ["blanks", " \t"],
    ["semicolons", ";"],
    ["equals signs", "="],
    ["the beginning of our name", "si"],
  ])("P14 answers to a megabyte of %s", (_, piece) => {
    const header = piece.repeat(1_000_000 / piece.length);
    expect(readCookies(header, "sid").length).toBeLessThanOrEqual(1);
    expect(readCookies(`${header};sid=last`, "sid")).toContain("last");
  });
});
