import { afterEach, describe, expect, it } from "vitest";
import { createSessions } from "../../../src/core/sessions.ts";
import { modelStore } from "../../../src/testing/model.ts";
import { recording } from "../../../src/testing/recording.ts";
import { signedInCookie } from "../../../src/testing/signed-in-cookie.ts";
import { generateSecret } from "../../../src/token/key-ring.ts";

interface Shop {
  cart: string[];
}

const recorded = recording(modelStore());
const sessions = createSessions<Shop>({ secrets: [generateSecret()], store: recorded.store });

afterEach(() => recorded.clear());

describe("signedInCookie", () => {
  it("gives the Cookie header of a signed-in user", async () => {
    const cookie = await signedInCookie(sessions, "ada");
    expect(cookie).toMatch(/^__Host-Http-sid=[\w-]{76}$/);
    const session = await sessions.open({ headers: { cookie } }).requireUser();
    expect(session.userId).toBe("ada");
  });

  it("gives another session each time", async () => {
    const cookies = [await signedInCookie(sessions, "ada"), await signedInCookie(sessions, "ada")];
    expect(new Set(cookies).size).toBe(2);
    const ids = await Promise.all(
      cookies.map(async (cookie) => (await sessions.open({ headers: { cookie } }).load()).id),
    );
    expect(new Set(ids).size).toBe(2);
  });

  it("brings data, sign-in options and headers along, in one write", async () => {
    const cookie = await signedInCookie(sessions, "ada", {
      data: { cart: ["tea"] },
      methods: ["passkey"],
      headers: { "User-Agent": "a test" },
    });
    expect([recorded.count("create"), recorded.count()]).toEqual([1, 1]);
    const loaded = await sessions.open({ headers: { cookie } }).load();
    expect(loaded.all()).toEqual({ cart: ["tea"] });
    expect(loaded.info.authentications.map(({ method }) => method)).toEqual(["passkey"]);
    expect(loaded.info.userAgent).toBe("a test");
  });
});
