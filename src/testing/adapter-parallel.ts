/**
 * Many requests at once: nothing of one reaches another, and no change is lost.
 *
 * @module
 */

import { once } from "node:events";
import { connect } from "node:net";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { COOKIE, readField } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const MANY = 20;
const numbers = Array.from({ length: MANY }, (_, index) => index);

export const parallelTests: readonly AdapterSceneTest[] = [
  {
    name: "requests of many people at once see each their own session",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path !== "/read") await session.signIn(path.slice(1));
        return { body: (await session.load()).userId ?? "nobody" };
      });
      const people = numbers.map((number) => ({ name: `user${number}`, browser: browser() }));
      const entered = await Promise.all(
        people.map(({ name, browser: each }) => each.visit(`/${name}`)),
      );
      const read = await Promise.all(people.map(({ browser: each }) => each.visit("/read")));
      const names = people.map(({ name }) => name);
      expectEqual(
        entered.map(({ body }) => body),
        names,
        "who signed in",
      );
      expectEqual(
        read.map(({ body }) => body),
        names,
        "who is signed in",
      );
      expectEqual(new Set(people.map((each) => each.browser.cookie())).size, MANY, "cookies");
    },
  },
  {
    name: "P4 changes of different keys by parallel requests of one session are all kept",
    needs: ["merging"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path !== "/read") loaded.set(path.slice(1), true);
        return { body: JSON.stringify(loaded.keys().sort()) };
      });
      const visitor = browser();
      await visitor.visit("/first");
      await Promise.all(numbers.map((number) => visitor.copy().visit(`/key${number}`)));
      const expected = ["first", ...numbers.map((number) => `key${number}`)].sort();
      expectEqual(JSON.parse((await visitor.visit("/read")).body), expected, "keys");
    },
  },
  {
    name: "requests one after the other on one connection do not share a session",
    needs: ["sockets"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada");
        return { body: (await session.load()).userId ?? "nobody" };
      }, 1);
      const ada = browser();
      const other = browser();
      const bodies: string[] = [];
      for (const [each, path] of [
        [ada, "/in"],
        [other, "/"],
        [ada, "/"],
        [other, "/"],
      ] as const) {
        bodies.push((await each.visit(path)).body);
      }
      expectEqual(bodies, ["ada", "nobody", "ada", "nobody"], "who is signed in");
    },
  },
  {
    name: "requests that are sent without waiting are answered in order, each with its own cookie",
    needs: ["sockets", "pipelining"],
    async run(scene) {
      const { origin = "" } = await scene.serve(async (session, { path }) => {
        const loaded = await session.signIn(path.slice(1));
        return { body: `<${loaded.userId}>` };
      });
      const { hostname, port } = new URL(origin);
      const socket = connect(Number(port), hostname);
      const close = "Connection: close\r\n";
      for (const [name, more] of [
        ["ada", ""],
        ["bob", ""],
        ["eve", close],
      ]) {
        socket.write(`GET /${name} HTTP/1.1\r\nHost: ${hostname}\r\n${more}\r\n`);
      }
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      await once(socket, "close");
      const bodies = text.match(/<\w+>/g);
      expectEqual(bodies, ["<ada>", "<bob>", "<eve>"], "bodies");
      const fields = text.match(new RegExp(`${COOKIE}=[^\r]*`, "g")) ?? [];
      expectEqual(fields.length, 3, "session cookies");
      const values = fields.map((field) => readField(field).value);
      expectTrue(new Set(values).size === 3, "the cookies differ");
      for (const [index, value] of values.entries()) {
        const headers = { cookie: `${COOKIE}=${value}` };
        const { userId } = await scene.sessions.open({ headers }).load();
        expectEqual(userId, ["ada", "bob", "eve"][index], `who cookie ${index} signs in`);
      }
    },
  },
];
