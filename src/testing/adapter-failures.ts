/**
 * What trouble does: in the handler, and in the store.
 *
 * @module
 */

import type { Session } from "../core/session.ts";
import type { RouteAnswer, SuiteData } from "./adapter-fixture.ts";
import type { AdapterScene, AdapterSceneTest, MethodTrait } from "./adapter-scene.ts";
import { longText, nextTurn, sessionCookies, until } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const failing: readonly {
  readonly what: string;
  /** Absent: one that says that the server failed. */
  readonly status?: number;
  fail(session: Session<SuiteData>): RouteAnswer | Promise<RouteAnswer>;
}[] = [
  {
    what: "throws",
    fail() {
      throw new Error("the handler failed, as the test asks");
    },
  },
  {
    what: "throws an error of the session's own",
    status: 401,
    fail: async (session) => ({
      body: (await session.requireFresh({ methods: ["totp"], within: "5m" })).userId,
    }),
  },
  { what: "answers 500", fail: () => ({ status: 500, body: "sorry" }) },
  { what: "answers 503", fail: () => ({ status: 503, body: "later" }) },
];

const handlerTests = failing.flatMap(({ what, status, fail }): AdapterSceneTest[] => [
  {
    name: `a handler that ${what} drops its buffered changes`,
    needs: status === undefined ? [] : ["thrown errors"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("n")) };
        loaded.set("n", path === "/fail" ? "lost" : "kept");
        return path === "/fail" ? await fail(session) : {};
      });
      const stranger = browser();
      const failed = await stranger.visit("/fail");
      expectEqual(failed.status >= 500 ? undefined : failed.status, status, "status");
      expectEqual(failed.cookies, [], "cookies");
      expectEqual(scene.recorded.count("create"), 0, "sessions created");

      await stranger.visit("/keep");
      await stranger.visit("/fail");
      expectEqual((await stranger.visit("/read")).body, "kept", "what is in the session");
    },
  },
  {
    name: `a handler that ${what} keeps what acted at once, and its cookie is sent`,
    needs: status === undefined ? [] : ["thrown errors"],
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
        return await fail(session);
      });
      const ada = browser();
      const failed = await ada.visit("/fail");
      expectEqual(failed.status >= 500 ? undefined : failed.status, status, "status");
      expectEqual(sessionCookies(failed).length, 1, "session cookies");
      expectEqual(failed.headers["cache-control"], "no-store", "cache-control");
      expectEqual((await ada.visit("/read")).body, "ada undefined", "who is signed in");
    },
  },
]);

/** What makes a commit fail whose session was sound before. */
interface FailedCommit {
  readonly what: string;
  readonly needs: MethodTrait;
  readonly status: number;
  /** What the session holds, and what a commit is to put in its place. */
  readonly before: string;
  readonly after: string;
  begin?(scene: AdapterScene): void;
  end?(scene: AdapterScene): void;
}

const failedCommits: readonly FailedCommit[] = [
  {
    what: "a store that is down when the changes are written",
    needs: "records",
    status: 503,
    before: "before",
    after: "after",
    begin: ({ trouble }) => trouble("update", "before"),
    end: ({ trouble }) => trouble("update", undefined),
  },
  {
    what: "a session that becomes too large for four cookies",
    needs: "chunks",
    status: 500,
    before: longText(4000),
    after: longText(12_000),
  },
];

const failedCommitTests = failedCommits.flatMap((commit): AdapterSceneTest[] => {
  const { what, status, before, after, begin, end } = commit;
  const needs = [commit.needs];
  return [
    ...["text", "chunks"].map(
      (shape): AdapterSceneTest => ({
        name: `P9 P10 ${what}: ${status} in place of ${shape}`,
        needs,
        async run(scene) {
          let closed = 0;
          const body = endless(() => {
            closed += 1;
          });
          const { browser } = await scene.serve(async (session, { path }) => {
            const loaded = await session.load();
            if (path === "/read") return { body: String(loaded.get("text")) };
            loaded.set("text", path === "/before" ? before : after);
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
              body: shape === "text" ? "the answer" : body,
            };
          });
          const visitor = browser();
          await visitor.visit("/before");
          const cookie = visitor.cookie();
          begin?.(scene);
          const failed = await visitor.visit("/after");
          expectEqual(failed.status, status, "status");
          expectTrue(!/the answer|chunk/.test(failed.body), "nothing of the answer was sent");
          for (const name of ["etag", "last-modified", "location"]) {
            expectEqual(failed.headers[name], undefined, name);
          }
          expectTrue(
            !/public|max-age/.test(failed.headers["cache-control"] ?? ""),
            "the failure is not for caches",
          );
          expectEqual(sessionCookies(failed), [], "session cookies");
          if (shape === "chunks") {
            await until("the body that is not sent is closed", () => closed > 0);
            await nextTurn();
            expectEqual(closed, 1, "how often the body was closed");
          }
          end?.(scene);
          expectEqual(visitor.cookie(), cookie, "cookies of the browser");
          expectEqual((await visitor.visit("/read")).body, before, "what is in the session");
        },
      }),
    ),
    {
      name: `${what}: the cookie of what acted before is sent`,
      needs,
      async run(scene) {
        const { browser } = await scene.serve(async (session, { path }) => {
          if (path === "/read") return { body: (await session.load()).userId ?? "nobody" };
          const loaded = await session.signIn("ada");
          loaded.set("text", after);
          return { body: "x" };
        });
        const ada = browser();
        begin?.(scene);
        const failed = await ada.visit();
        expectEqual(failed.status, status, "status");
        expectEqual(sessionCookies(failed).length, 1, "session cookies");
        end?.(scene);
        expectEqual((await ada.visit("/read")).body, "ada", "who is signed in");
      },
    },
    {
      name: `${what}: the next request is served, on the same connection`,
      needs: [...needs, "sockets"],
      async run(scene) {
        const app = await scene.serve(async (session, { path }) => {
          (await session.load()).set("text", path === "/fail" ? after : before);
          return { body: path };
        }, 1);
        const visitor = app.browser();
        await visitor.visit("/first");
        begin?.(scene);
        expectEqual((await visitor.visit("/fail")).status, status, "status");
        end?.(scene);
        expectEqual((await visitor.visit("/third")).body, "/third", "body");
      },
    },
  ];
});

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
    needs: ["records"],
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
  ...failedCommitTests,
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
];

/** A body that tells when it is closed, even if nobody has read of it. */
function endless(closed: () => void): AsyncIterable<string> {
  const iterator: AsyncIterator<string> = {
    next: async () => ({ done: false, value: "chunk" }),
    async return() {
      closed();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
