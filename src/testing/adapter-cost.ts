/**
 * What a request may cost: nothing when it does not use its session, one store call when it reads.
 *
 * @module
 */

import type { AdapterSceneTest } from "./adapter-scene.ts";
import { sessionCalls, sessionCookies } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const OURS = ["vary", "cache-control", "clear-site-data"] as const;

export const costTests: readonly AdapterSceneTest[] = [
  {
    name: "P1 an untouched request costs nothing: no store call and no header",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/sign-in") await session.signIn("ada");
        return { body: "x" };
      });
      const stranger = await browser().visit();
      const ada = browser();
      await ada.visit("/sign-in");
      scene.recorded.clear();
      const known = await ada.visit();

      for (const { headers, cookies, body } of [stranger, known]) {
        expectEqual(cookies, [], "cookies");
        for (const name of OURS) expectEqual(headers[name], undefined, name);
        expectEqual(body, "x", "body");
      }
      expectEqual(sessionCalls(scene), [], "store calls");
    },
  },
  {
    name: "P2 P12 reading is one store call at most and no cookie; the answer is private and varies",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/sign-in") await session.signIn("ada");
        return { body: (await session.load()).userId ?? "nobody" };
      });
      const ada = browser();
      await ada.visit("/sign-in");
      scene.recorded.clear();
      const { headers, cookies, body } = await ada.visit();
      expectEqual(body, "ada", "body");
      expectEqual(sessionCalls(scene), scene.method === "stored" ? ["load"] : [], "store calls");
      expectEqual(cookies, [], "cookies");
      expectEqual(headers["vary"], "Cookie", "vary");
      expectEqual(headers["cache-control"], "private", "cache-control");
    },
  },
  {
    name: "P15 a visitor who only reads leaves nothing behind",
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        await session.load();
        return { body: "x" };
      });
      const { headers, cookies } = await browser().visit();
      expectEqual(cookies, [], "cookies");
      expectEqual(headers["vary"], "Cookie", "vary");
      expectEqual(sessionCalls(scene), [], "store calls");
    },
  },
  {
    name: "P2 a change is two store calls or one cookie, and is there in the next request",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path !== "/") loaded.set("path", path);
        return { body: String(loaded.get("path")) };
      });
      const visitor = browser();
      const first = await visitor.visit("/one");
      expectEqual(sessionCookies(first).length, 1, "session cookies of the first change");
      scene.recorded.clear();
      const second = await visitor.visit("/two");
      const isStored = scene.method === "stored";
      expectEqual(sessionCalls(scene), isStored ? ["load", "update"] : [], "store calls");
      expectEqual(second.cookies.length, isStored ? 0 : 1, "cookies of the second change");
      expectEqual((await visitor.visit()).body, "/two", "what was kept");
    },
  },
  {
    name: "the handle of a request is found by what the framework hands around",
    async run(scene) {
      const { browser } = await scene.serve((session, { carrier }) => ({
        body: String(scene.sessions.of(carrier) === session),
      }));
      const { body } = await browser().visit();
      expectTrue(body === "true", "`sessions.of` gives the handle of this request");
    },
  },
];
