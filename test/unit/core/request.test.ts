import { describe, expect, it } from "vitest";
import { header } from "../../../src/core/request.ts";

describe("a header of a request", () => {
  it.each([
    ["of node:http", { headers: { cookie: "a=b" } }],
    ["of several fields", { headers: { cookie: ["a=b"] } }],
    ["of a Request", new Request("https://x.test", { headers: { cookie: "a=b" } })],
    ["of Headers alone", { headers: new Headers([["Cookie", "a=b"]]) }],
  ])("is read %s", (_, request) => {
    expect(header(request, "cookie")).toBe("a=b");
    expect(header(request, "user-agent")).toBeUndefined();
  });

  it("in several fields is joined as it may be", () => {
    const headers = { cookie: ["a=1", "b=2; c=3"], "x-client": ["1", "2"] };
    expect(header({ headers }, "cookie")).toBe("a=1; b=2; c=3");
    expect(header({ headers }, "x-client")).toBe("1, 2");
  });

  it("that is called get does not make its request one of the web", () => {
    expect(header({ headers: { get: "x", cookie: "a=b" } }, "cookie")).toBe("a=b");
  });

  it("that is empty is empty, not absent", () => {
    expect(header({ headers: { cookie: "" } }, "cookie")).toBe("");
    expect(header({ headers: { cookie: [] } }, "cookie")).toBe("");
    expect(header({ headers: new Headers({ cookie: "" }) }, "cookie")).toBe("");
  });
});
