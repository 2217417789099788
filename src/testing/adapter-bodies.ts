/**
 * Requests with a body, as a form sends them: it reaches the handler whole, whenever that looks at it, and
 * what it changes is there where the redirect leads.
 *
 * @module
 */

import type { RouteAnswer } from "./adapter-fixture.ts";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { longText, readField, sessionCookies, until } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import { gate } from "./faults.ts";

// More than the buffers on the way hold, so that somebody has to read it.
const LONG = longText(400_000);

function seeOther(location: string): RouteAnswer {
  return { status: 303, headers: { location } };
}

const readTests = (["before", "after"] as const).map(
  (when): AdapterSceneTest => ({
    name: `a body is read whole ${when} the session is loaded, and what was changed is kept`,
    async run(scene) {
      let received = "";
      const { browser } = await scene.serve(async (session, { method, body }) => {
        if (method === "GET") return { body: String((await session.load()).get("length")) };
        if (when === "before") received = await body();
        const loaded = await session.load();
        if (when === "after") received = await body();
        loaded.set("length", received.length);
        return seeOther("/");
      });
      const visitor = browser();
      for (const sent of ["first", LONG, "another"]) {
        expectEqual((await visitor.visit("/", "POST", sent)).status, 303, "status");
        expectEqual(received.length, sent.length, "length of the body");
        expectTrue(received === sent, "the body is what was sent");
        expectEqual((await visitor.visit()).body, String(sent.length), "what was kept");
      }
    },
  }),
);

export const bodyTests: readonly AdapterSceneTest[] = [
  ...readTests,
  {
    name: "a body that comes in pieces is read whole, also what comes after the session was loaded",
    needs: ["partial bodies"],
    async run(scene) {
      const isLoaded = gate();
      const { browser } = await scene.serve(async (session, { path, body }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("text")) };
        isLoaded.open();
        loaded.set("text", await body());
        return {};
      });
      async function* pieces(): AsyncIterable<string> {
        yield "one ";
        await isLoaded.opened;
        yield "two ";
        yield "three";
      }
      const visitor = browser();
      await visitor.visit("/", "POST", pieces());
      expectEqual((await visitor.visit("/read")).body, "one two three", "what was kept");
    },
  },
  {
    name: "a client that goes away half way through its body changes nothing",
    needs: ["partial bodies"],
    async run(scene) {
      let outcome = "";
      let hasBegun = false;
      const { browser } = await scene.serve(async (session, { path, body }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("n")) };
        loaded.set("n", path);
        if (path === "/before") return {};
        hasBegun = true;
        try {
          await body();
          outcome = "read";
        } catch (error) {
          outcome = "rejected";
          throw error;
        }
        return {};
      });
      async function* half(): AsyncIterable<string> {
        yield "half of it";
        await new Promise(() => undefined);
      }
      const visitor = browser();
      await visitor.visit("/before");
      scene.recorded.clear();
      const exchange = visitor.begin("/half", "POST", half());
      await until("the handler is called", () => hasBegun);
      exchange.abort();
      await until("the handler is told that the client is gone", () => outcome !== "");
      expectEqual(outcome, "rejected", "reading the body");
      await browser().visit("/read");
      expectEqual((await visitor.visit("/read")).body, "/before", "what is in the session");
      expectEqual(scene.recorded.count("update"), 0, "updates");
    },
  },
  {
    name: "a body that nobody reads does not hold up the answer or the next request of the connection",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path, method, body }) => {
        if (path === "/in") await session.signIn(await body());
        const { userId } = method === "GET" ? await session.load() : await session.requireUser();
        return { body: userId ?? "nobody" };
      }, 1);
      const ada = browser();
      expectEqual((await ada.visit("/upload", "POST", LONG)).status, 401, "status");
      await ada.visit("/in", "POST", "ada");
      expectEqual((await ada.visit("/upload", "POST", LONG)).body, "ada", "who has sent it");
      expectEqual((await ada.visit()).body, "ada", "who is signed in");
    },
  },
  {
    name: "forms that sign in and out: one cookie with the redirect, and where it leads that is so",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path, body }) => {
        if (path === "/in") await session.signIn(await body());
        else if (path === "/out") await session.signOut();
        else return { body: (await session.load()).userId ?? "nobody" };
        return seeOther("/who");
      });
      const visitor = browser();
      for (const [form, sent, who] of [
        ["/in", "ada", "ada"],
        ["/in", "bob", "bob"],
        ["/out", "", "nobody"],
      ] as const) {
        const answer = await visitor.visit(form, "POST", sent);
        expectEqual(answer.status, 303, "status");
        expectEqual(answer.body, "", "body");
        const fields = sessionCookies(answer).map(readField);
        expectEqual(
          fields.map(({ isDeleted }) => isDeleted),
          [form === "/out"],
          "whether each session cookie is deleted",
        );
        const { headers } = answer;
        expectEqual(headers["cache-control"], "no-store", "cache-control");
        expectEqual((await visitor.visit(headers["location"])).body, who, "who is signed in");
      }
    },
  },
  {
    name: "P9 no redirect leaves before the store has taken what the form has changed",
    needs: ["records"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path, body }) => {
        if (path === "/other") return { body: "other" };
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("form")) };
        loaded.set("form", await body());
        return seeOther("/read");
      });
      const visitor = browser();
      await visitor.visit("/", "POST", "before");
      const shut = gate();
      scene.recorded.clear();
      scene.trouble("update", { heldBy: shut });
      const exchange = visitor.begin("/", "POST", "after");
      await until(
        "the commit asks the store",
        () => scene.recorded.count("update") > 0,
        () => browser().visit("/other"),
      );
      await browser().visit("/other");
      expectTrue(!exchange.begun(), "nothing has come before the store has answered");
      scene.trouble("update", undefined);
      shut.open();
      expectEqual((await exchange.answer).status, 303, "status");
      expectEqual((await visitor.visit("/read")).body, "after", "what was kept");
    },
  },
];
