/**
 * What trouble does: in the handler, and in the store.
 *
 * @module
 */

import type { RouteAnswer } from "./adapter-fixture.ts";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { sessionCookies } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const failing: readonly { readonly what: string; fail(): RouteAnswer }[] = [
  {
    what: "throws",
    fail() {
      throw new Error("the handler failed, as the test asks");
    },
  },
  { what: "answers 500", fail: () => ({ status: 500, body: "sorry" }) },
  { what: "answers 503", fail: () => ({ status: 503, body: "later" }) },
];

const handlerTests = failing.flatMap(({ what, fail }): AdapterSceneTest[] => [
  {
    name: `a handler that ${what} drops its buffered changes`,
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("n")) };
        loaded.set("n", path === "/fail" ? "lost" : "kept");
        return path === "/fail" ? fail() : {};
      });
      const stranger = browser();
      const failed = await stranger.visit("/fail");
      expectTrue(failed.status >= 500, "the status says that it failed");
      expectEqual(failed.cookies, [], "cookies");
      expectEqual(scene.recorded.count("create"), 0, "sessions created");

      await stranger.visit("/keep");
      await stranger.visit("/fail");
      expectEqual((await stranger.visit("/read")).body, "kept", "what is in the session");
    },
  },
  {
    name: `a handler that ${what} keeps what acted at once, and its cookie is sent`,
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/read") {
          const { userId, ...loaded } = await session.load().then((each) => ({
            userId: each.userId,
            n: each.get("n"),
          }));
          return { body: `${userId} ${String(loaded.n)}` };
        }
        const loaded = await session.signIn("ada");
        loaded.set("n", "lost");
        return fail();
      });
      const ada = browser();
      const failed = await ada.visit("/fail");
      expectTrue(failed.status >= 500, "the status says that it failed");
      expectEqual(sessionCookies(failed).length, 1, "session cookies");
      expectEqual(failed.headers["cache-control"], "no-store", "cache-control");
      expectEqual((await ada.visit("/read")).body, "ada undefined", "who is signed in");
    },
  },
]);

export const failureTests: readonly AdapterSceneTest[] = [
  ...handlerTests,
  {
    name: "an error of the session's own becomes its status: 401 for who is not signed in",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada", { methods: ["password"] });
        if (path === "/fresh") await session.requireFresh({ within: "5m", methods: ["totp"] });
        const { userId } = await session.requireUser();
        return { body: userId };
      });
      const ada = browser();
      const refused = await ada.visit();
      expectEqual(refused.status, 401, "status without a user");
      expectEqual(refused.cookies, [], "cookies");
      expectEqual((await ada.visit("/in")).body, "ada", "who is signed in");
      expectEqual((await ada.visit("/fresh")).status, 401, "status without a fresh proof");
      expectEqual((await ada.visit()).body, "ada", "who is signed in");
    },
  },
  {
    name: "P10 a store that is down when the session is read: 503, and the browser keeps its cookie",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada");
        return { body: (await session.load()).userId ?? "nobody" };
      });
      const ada = browser();
      await ada.visit("/in");
      scene.outage.begin();
      const failed = await ada.visit();
      expectEqual(failed.status, 503, "status");
      expectEqual(failed.cookies, [], "cookies");
      scene.outage.end();
      expectEqual((await ada.visit()).body, "ada", "who is signed in");
    },
  },
  ...["text", "chunks"].map(
    (shape): AdapterSceneTest => ({
      name: `P9 P10 a store that is down when the changes are written: 503 in place of ${shape}`,
      async run(scene) {
        let closed = 0;
        async function* body(): AsyncIterable<string> {
          try {
            for (;;) yield "chunk";
          } finally {
            closed += 1;
          }
        }
        const { browser } = await scene.serve(async (session, { path }) => {
          const loaded = await session.load();
          if (path === "/read") return { body: String(loaded.get("n")) };
          loaded.set("n", path);
          if (path === "/before") return {};
          return {
            status: 201,
            headers: {
              "content-type": "application/json",
              etag: '"1"',
              "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
              "cache-control": "public, max-age=60",
              location: "/elsewhere",
              "content-security-policy": "default-src 'none'",
              "set-cookie": ["other=1"],
            },
            body: shape === "text" ? "the answer" : body(),
          };
        });
        const visitor = browser();
        await visitor.visit("/before");
        scene.trouble("update", "before");
        const failed = await visitor.visit("/after");
        expectEqual(failed.status, 503, "status");
        expectTrue(!/the answer|chunk/.test(failed.body), "nothing of the answer was sent");
        for (const name of ["etag", "last-modified", "location"]) {
          expectEqual(failed.headers[name], undefined, name);
        }
        expectTrue(
          !/public|max-age/.test(failed.headers["cache-control"] ?? ""),
          "the failure is not for caches",
        );
        expectEqual(sessionCookies(failed), [], "session cookies");
        expectTrue(closed === 0 || shape === "chunks", "only a body of chunks is closed");
        scene.trouble("update", undefined);
        expectEqual((await visitor.visit("/read")).body, "/before", "what is in the session");
      },
    }),
  ),
  {
    name: "P10 signing out while the store is down fails, and the browser forgets its cookie",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada");
        else await session.signOut();
        return { body: "x" };
      });
      const ada = browser();
      await ada.visit("/in");
      scene.outage.begin();
      const failed = await ada.visit("/out");
      expectEqual(failed.status, 503, "status");
      expectEqual(ada.cookie(), undefined, "cookie of the browser");
    },
  },
  {
    name: "a commit that fails keeps the cookie of what acted before",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/read") return { body: (await session.load()).userId ?? "nobody" };
        const loaded = await session.signIn("ada");
        loaded.set("n", 1);
        return { body: "x" };
      });
      const ada = browser();
      scene.trouble("update", "before");
      const failed = await ada.visit();
      expectEqual(failed.status, 503, "status");
      expectEqual(sessionCookies(failed).length, 1, "session cookies");
      scene.trouble("update", undefined);
      expectEqual((await ada.visit("/read")).body, "ada", "who is signed in");
    },
  },
  {
    name: "a request after a failed one is served, on the same connection",
    needs: ["sockets"],
    async run(scene) {
      const app = await scene.serve(async (session, { path }) => {
        (await session.load()).set("n", path);
        return { body: path };
      }, 1);
      const visitor = app.browser();
      await visitor.visit("/first");
      scene.trouble("update", "before");
      expectEqual((await visitor.visit("/second")).status, 503, "status");
      scene.trouble("update", undefined);
      expectEqual((await visitor.visit("/third")).body, "/third", "body");
    },
  },
];
