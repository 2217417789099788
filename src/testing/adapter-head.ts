/**
 * What the head of an answer says: one cookie of ours, those of others, and what caches may do.
 *
 * @module
 */

import type { RouteAnswer } from "./adapter-fixture.ts";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { COOKIE, readField, sessionCookies, until } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import { gate } from "./faults.ts";

async function* chunks(...texts: readonly string[]): AsyncIterable<string> {
  yield* texts;
}

/** An answer of each kind that takes a way of its own to the client. */
export const SHAPES: readonly {
  readonly what: string;
  readonly method?: string;
  readonly answer: () => RouteAnswer;
  readonly body?: string;
}[] = [
  { what: "text", answer: () => ({ body: "text" }), body: "text" },
  { what: "chunks", answer: () => ({ body: chunks("chu", "nks") }), body: "chunks" },
  { what: "no body", answer: () => ({ status: 204 }) },
  {
    what: "a redirect",
    answer: () => ({ status: 303, headers: { location: "/elsewhere" } }),
  },
  {
    what: "not modified",
    answer: () => ({ status: 304, headers: { etag: '"1"' } }),
  },
  { what: "a page that says 404", answer: () => ({ status: 404, body: "gone" }), body: "gone" },
  { what: "an answer to HEAD", method: "HEAD", answer: () => ({ body: "text" }) },
  {
    what: "an answer of chunks to HEAD",
    method: "HEAD",
    answer: () => ({ body: chunks("chu", "nks") }),
  },
];

const byShape = SHAPES.map(
  ({ what, method = "GET", answer, body = "" }): AdapterSceneTest => ({
    name: `P9 nothing leaves before the store has taken the changes: ${what}`,
    needs: ["records"],
    async run(scene) {
      const { status = 200, headers = {} } = answer();
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/other") return { body: "other" };
        (await session.load()).set("seen", true);
        return path === "/read" ? { body: "read" } : answer();
      });
      const shut = gate();
      scene.trouble("create", { heldBy: shut });
      const visitor = browser();
      const exchange = visitor.begin("/", method);
      // Other answers come and go meanwhile; this one would have had every chance.
      await until(
        "the commit asks the store",
        () => scene.recorded.count("create") > 0,
        () => browser().visit("/other"),
      );
      await browser().visit("/other");
      expectTrue(!exchange.begun(), "nothing has come before the store has answered");

      scene.trouble("create", undefined);
      shut.open();
      const received = await exchange.answer;
      expectEqual(received.status, status, "status");
      expectEqual(received.body, body, "body");
      for (const [name, value] of Object.entries(headers)) {
        expectEqual(received.headers[name], value, name);
      }
      expectEqual(sessionCookies(received).length, 1, "session cookies");
      expectEqual(received.headers["cache-control"], "no-store", "cache-control");
      expectEqual(received.headers["vary"], "Cookie", "vary");
    },
  }),
);

export const headTests: readonly AdapterSceneTest[] = [
  ...byShape,
  {
    name: "P12 the app's caching headers are tightened, never loosened, and its Vary is kept",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/write") loaded.set("n", 1);
        return {
          body: "x",
          headers: {
            vary: "Accept-Encoding",
            "cache-control": "public, max-age=60, s-maxage=600",
            "cdn-cache-control": "public, max-age=600",
          },
        };
      });
      const visitor = browser();
      const { headers: written } = await visitor.visit("/write");
      const { headers: read } = await visitor.visit("/read");
      for (const name of ["cache-control", "cdn-cache-control"]) {
        const [withCookie = "", withRead = ""] = [written[name], read[name]];
        expectTrue(/no-store/.test(withCookie), `${name} with a cookie is no-store`);
        expectTrue(!/public|max-age/.test(withCookie), `${name} with a cookie allows nothing`);
        expectTrue(/private|no-store/.test(withRead), `${name} of a read is private`);
        expectTrue(!/public|s-maxage/.test(withRead), `${name} of a read is for nobody else`);
      }
      expectEqual(written["vary"], "Accept-Encoding, Cookie", "vary with a cookie");
      expectEqual(read["vary"], "Accept-Encoding, Cookie", "vary of a read");
    },
  },
  {
    name: "P12 what the app says is not to be stored stays so when the session is read",
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        await session.load();
        return { body: "x", headers: { "cache-control": "no-store" } };
      });
      const { headers } = await browser().visit();
      expectTrue(/no-store/.test(headers["cache-control"] ?? ""), "cache-control is no-store");
    },
  },
  {
    name: "one Set-Cookie for our name, whatever the request did; those of others stay, in order",
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        (await session.load()).set("cart", ["tea"]);
        await session.commit();
        await session.signIn("ada");
        await session.update("cart", (cart) => [...((cart as string[]) ?? []), "milk"]);
        await session.elevate("totp");
        return {
          body: "x",
          headers: { "set-cookie": ["a=1; Path=/", `${COOKIE}=stale; Path=/`, "b=2; Path=/b"] },
        };
      });
      const visitor = browser();
      const answer = await visitor.visit();
      const ours = sessionCookies(answer);
      expectEqual(ours.length, 1, "session cookies");
      expectTrue(readField(ours[0] ?? "").value !== "stale", "the session cookie is ours");
      const others = answer.cookies.filter((field) => !ours.includes(field));
      expectEqual(others, ["a=1; Path=/", "b=2; Path=/b"], "cookies of others");
    },
  },
  {
    name: "signing out clears the cookie, and asks the browser to forget what the app says",
    options: { clearSiteData: ["cache", "storage"] },
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada");
        if (path === "/out") await session.signOut();
        return { body: (await session.load()).userId ?? "nobody" };
      });
      const ada = browser();
      await ada.visit("/in");
      const thief = ada.copy();
      const { cookies, headers, body } = await ada.visit("/out");
      expectEqual(body, "nobody", "body");
      expectEqual(cookies.length, 1, "cookies");
      expectTrue(/; Max-Age=0;/.test(cookies[0] ?? ""), "the cookie is deleted");
      expectEqual(headers["clear-site-data"], '"cache", "storage"', "clear-site-data");
      expectEqual((await thief.visit()).body, "nobody", "who a copy of the cookie is");
    },
  },
  {
    name: "a commit by hand goes with the rest into one head",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/") {
          loaded.set("one", 1);
          await session.commit();
          loaded.set("two", 2);
        }
        return { body: JSON.stringify(loaded.all()) };
      });
      const visitor = browser();
      const { cookies } = await visitor.visit();
      expectEqual(cookies.length, 1, "cookies");
      expectEqual((await visitor.visit("/read")).body, '{"one":1,"two":2}', "what was kept");
    },
  },
];
