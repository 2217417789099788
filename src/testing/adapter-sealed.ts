/**
 * Sealed sessions on the wire: up to four cookies that go out, come back and are deleted together, and
 * the small one that says when the session was used last.
 *
 * @module
 */

import type { Answer } from "./adapter-client.ts";
import { SHAPES } from "./adapter-head.ts";
import type { AdapterScene, AdapterSceneTest, App } from "./adapter-scene.ts";
import {
  COOKIE,
  longText,
  nextTurn,
  readField,
  sessionCalls,
  sessionCookies,
} from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const NAMES = [COOKIE, `${COOKIE}-1`, `${COOKIE}-2`, `${COOKIE}-3`] as const;
const SEEN = `${COOKIE}-seen`;
const ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax";
const DELETED = `; Path=/; Max-Age=0; Expires=${new Date(0).toUTCString()}; Secure; HttpOnly; SameSite=Lax`;
const DAY = 86_400_000;
const MOST_COOKIE_BYTES = 4096;

/** So much text takes so many cookies. */
const LENGTHS = { 1: 10, 2: 4000, 3: 6000, 4: 9000 } as const;

/** The path that keeps a text which takes so many cookies. */
function keep(cookies: keyof typeof LENGTHS): string {
  return `/keep/${LENGTHS[cookies]}`;
}

function lengthIn(path: string): number | undefined {
  return path.startsWith("/keep/") ? Number(path.slice("/keep/".length)) : undefined;
}

/** `/keep/n` keeps a text of that length, `/in` and `/out` sign in and out; each answers the text. */
function serveTexts(scene: AdapterScene): Promise<App> {
  return scene.serve(async (session, { path }) => {
    if (path === "/in") await session.signIn("ada");
    if (path === "/out") await session.signOut();
    const loaded = await session.load();
    const length = lengthIn(path);
    if (length !== undefined) loaded.set("text", longText(length));
    return { body: `${loaded.userId} ${String(loaded.get("text"))}` };
  });
}

/** Which of our cookies an answer sets and deletes: each once, and with the attributes it has to have. */
function expectCookies(
  answer: Pick<Answer, "cookies">,
  expected: { readonly set: readonly string[]; readonly deleted?: readonly string[] },
): void {
  const fields = sessionCookies(answer).map(readField);
  const named = (isDeleted: boolean): readonly string[] =>
    fields.flatMap((field) => (field.isDeleted === isDeleted ? [field.name] : [])).sort();
  expectEqual(named(false), expected.set, "cookies that are set");
  expectEqual(named(true), expected.deleted ?? [], "cookies that are deleted");
  for (const { name, value, attributes, isDeleted } of fields) {
    expectEqual(attributes, isDeleted ? DELETED : ATTRIBUTES, `attributes of ${name}`);
    expectTrue((value === "") === isDeleted, `${name} has a value unless it is deleted`);
    expectTrue(name.length + value.length <= MOST_COOKIE_BYTES, `browsers keep ${name}`);
  }
}

const byShape = SHAPES.map(
  ({ what, method = "GET", answer, body = "" }): AdapterSceneTest => ({
    name: `every cookie of the session goes out with ${what}`,
    needs: ["chunks"],
    async run(scene) {
      const { status = 200, headers = {} } = answer();
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        const length = lengthIn(path);
        if (length === undefined) return { body: String(loaded.get("text")) };
        loaded.set("text", longText(length));
        return answer();
      });
      const visitor = browser();
      // The first commit of a session has to be waited for; the others are over at once.
      for (const [count, set, deleted] of [
        [3, NAMES.slice(0, 3), []],
        [4, NAMES, []],
        [2, NAMES.slice(0, 2), NAMES.slice(2)],
      ] as const) {
        const received = await visitor.visit(keep(count), method);
        expectEqual(received.status, status, "status");
        expectEqual(received.body, body, "body");
        for (const [name, value] of Object.entries(headers)) {
          expectEqual(received.headers[name], value, name);
        }
        expectCookies(received, { set, deleted });
        expectEqual(received.headers["cache-control"], "no-store", "cache-control");
        expectEqual(received.headers["vary"], "Cookie", "vary");
        expectEqual((await visitor.visit("/read")).body, longText(LENGTHS[count]), "what was kept");
      }
    },
  }),
);

export const sealedTests: readonly AdapterSceneTest[] = [
  ...byShape,
  {
    name: "a session that grows takes up to four cookies, and comes back whole",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await serveTexts(scene);
      const ada = browser();
      await ada.visit("/in");
      for (const count of [1, 2, 3, 4] as const) {
        expectCookies(await ada.visit(keep(count)), { set: NAMES.slice(0, count) });
        const { body, cookies } = await ada.visit("/read");
        expectEqual(body, `ada ${longText(LENGTHS[count])}`, `what came back in ${count} cookies`);
        expectEqual(cookies, [], "cookies of a read");
      }
      expectEqual(sessionCalls(scene), [], "store calls");
    },
  },
  {
    name: "a session that shrinks deletes the cookies that are left over, and no others",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await serveTexts(scene);
      const visitor = browser();
      let before = 0;
      for (const count of [4, 3, 1, 3, 2, 1] as const) {
        expectCookies(await visitor.visit(keep(count)), {
          set: NAMES.slice(0, count),
          deleted: NAMES.slice(count, before),
        });
        const { body } = await visitor.visit("/read");
        expectEqual(body, `undefined ${longText(LENGTHS[count])}`, "what was kept");
        before = count;
      }
      expectTrue(visitor.cookie()?.includes("; ") === false, "the browser has one cookie");
    },
  },
  {
    name: "P5 signing out deletes every cookie of the session, and a copy of them opens nothing",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await serveTexts(scene);
      const ada = browser();
      await ada.visit("/in");
      await ada.visit(keep(3));
      const thief = ada.copy();
      expectCookies(await ada.visit("/out"), { set: [], deleted: NAMES.slice(0, 3) });
      expectEqual(ada.cookie(), undefined, "cookies of the browser");
      expectEqual((await thief.visit("/read")).body, "undefined undefined", "what a copy opens");
    },
  },
  {
    name: "one Set-Cookie for each of our names; those of others stay, in order",
    needs: ["chunks"],
    async run(scene) {
      const others = ["a=1; Path=/", "b=2; Path=/b", `${COOKIE}2=3; Path=/`];
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        const length = lengthIn(path);
        if (length === undefined) return { body: String(loaded.get("text")) };
        loaded.set("text", longText(length));
        const [a = "", b = "", c = ""] = others;
        const stale = NAMES.slice(0, 3).map((name) => `${name}=stale; Path=/`);
        return { headers: { "set-cookie": [a, ...stale, b, c] } };
      });
      const visitor = browser();
      for (const [count, set, deleted] of [
        [3, NAMES.slice(0, 3), []],
        [2, NAMES.slice(0, 2), NAMES.slice(2, 3)],
      ] as const) {
        const answer = await visitor.visit(keep(count));
        expectCookies(answer, { set, deleted });
        const ours = sessionCookies(answer);
        expectEqual(
          answer.cookies.filter((field) => !ours.includes(field)),
          others,
          "cookies of others",
        );
        expectEqual((await visitor.visit("/read")).body, longText(LENGTHS[count]), "what was kept");
      }
    },
  },
  {
    name: "every cookie of what acted at once is in the answer to an error, set or deleted",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path.startsWith("/in")) await session.signIn("ada");
        if (path.startsWith("/out")) await session.signOut();
        const loaded = await session.load();
        const length = lengthIn(path);
        if (length !== undefined) loaded.set("text", longText(length));
        if (path.endsWith("/large")) loaded.set("text", longText(12_000));
        if (path.endsWith("/throw")) throw new Error("the handler failed, as the test asks");
        const headers = { "set-cookie": ["other=1"] };
        if (path.endsWith("/500")) return { status: 500, headers, body: "sorry" };
        return { body: `${loaded.userId} ${String(loaded.get("text"))}`, headers };
      });
      for (const failure of ["throw", "500", "large"]) {
        const ada = browser();
        await ada.visit(keep(3));
        const entered = await ada.visit(`/in/${failure}`);
        expectTrue(entered.status >= 500, `the status says that it failed (${failure})`);
        expectCookies(entered, { set: NAMES.slice(0, 3) });
        const { body } = await ada.visit("/read");
        expectEqual(body, `ada ${longText(LENGTHS[3])}`, "what is in the session");
        const left = await ada.visit(`/out/${failure}`);
        expectTrue(left.status >= 500, `the status says that it failed (${failure})`);
        expectCookies(left, { set: [], deleted: NAMES.slice(0, 3) });
        expectEqual(ada.cookie(), undefined, "cookies of the browser");
      }
    },
  },
  {
    name: "P11 a use is told by a small cookie of its own, once in the touch interval",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { method, path }) => {
        if (path === "/in") await session.signIn("ada");
        const loaded = await session.load();
        const length = lengthIn(path);
        if (length !== undefined) loaded.set("text", longText(length));
        if (path === "/untouched-since") return { status: 304, headers: { etag: '"1"' } };
        return { body: method === "HEAD" ? "x" : `${loaded.userId} ${String(loaded.get("text"))}` };
      });
      const ada = browser();
      await ada.visit("/in");
      await ada.visit(keep(2));
      // A week without use would be the end.
      for (const [path, method] of [
        ["/read", "GET"],
        ["/read", "HEAD"],
        ["/untouched-since", "GET"],
      ] as const) {
        scene.advance(5 * DAY);
        const told = await ada.visit(path, method);
        expectCookies(told, { set: [SEEN] });
        expectEqual(told.headers["cache-control"], "no-store", "cache-control");
        const { body, cookies } = await ada.visit("/read");
        expectEqual(cookies, [], "cookies within the interval");
        expectEqual(body, `ada ${longText(LENGTHS[2])}`, "what is in the session");
      }
      // The cookies of a change tell it themselves.
      const deleted = [NAMES[1], SEEN];
      expectCookies(await ada.visit(keep(1)), { set: NAMES.slice(0, 1), deleted });
      expectEqual((await ada.visit("/read")).body, `ada ${longText(LENGTHS[1])}`, "what was kept");
    },
  },
  {
    name: "P9 while the body is sent, the session is read whole and refuses changes, and `update`",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("text")) };
        const length = lengthIn(path);
        if (length !== undefined) loaded.set("text", longText(length));
        async function* body(): AsyncIterable<string> {
          yield "first ";
          await nextTurn();
          const again = await session.load();
          const changes: readonly (() => unknown)[] = [
            () => again.set("text", "late"),
            () => session.update("text", () => "late"),
          ];
          for (const change of changes) {
            try {
              await change();
              yield "kept ";
            } catch (error) {
              yield `${(error as { code?: string }).code} `;
            }
          }
          yield String(again.get("text"));
        }
        return { body: body() };
      });
      const visitor = browser();
      for (const path of [keep(3), "/again"]) {
        const { body } = await visitor.visit(path);
        const closed = "ERR_SESSION_CLOSED ERR_SESSION_CLOSED";
        expectEqual(body, `first ${closed} ${longText(LENGTHS[3])}`, "body");
      }
      expectEqual((await visitor.visit("/read")).body, longText(LENGTHS[3]), "what was kept");
    },
  },
  {
    name: "cookies of many people at once do not mix",
    needs: ["chunks"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/read") return { body: (await session.load()).get("text") as string };
        const name = path.slice(1);
        (await session.signIn(name)).set("text", `${name} ${longText(LENGTHS[3])}`);
        return { body: "x" };
      });
      const people = Array.from({ length: 8 }, (_, index) => ({
        name: `user${index}`,
        browser: browser(),
      }));
      const entered = await Promise.all(
        people.map(({ name, browser: each }) => each.visit(`/${name}`)),
      );
      for (const each of entered) expectCookies(each, { set: NAMES.slice(0, 3) });
      const read = await Promise.all(people.map(({ browser: each }) => each.visit("/read")));
      expectEqual(
        read.map(({ body }) => body),
        people.map(({ name }) => `${name} ${longText(LENGTHS[3])}`),
        "what each one reads",
      );
    },
  },
];
