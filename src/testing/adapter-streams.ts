/**
 * Bodies over time: in order and whole, cut off by the client, and changes that come too late.
 *
 * @module
 */

import type { Answer } from "./adapter-client.ts";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { nextTurn, sessionCookies, until } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";
import { gate } from "./faults.ts";

// More than the buffers on the way hold, so that whoever writes has to wait.
const CHUNK = "0123456789abcdef".repeat(1024);
const COUNT = 64;

async function* many(): AsyncIterable<string> {
  for (let at = 0; at < COUNT; at += 1) yield CHUNK;
}

export const streamTests: readonly AdapterSceneTest[] = [
  {
    name: "P9 a large body of chunks arrives whole after the commit",
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        (await session.load()).set("n", 1);
        return { body: many() };
      });
      const received = await browser().visit();
      expectEqual(received.body.length, COUNT * CHUNK.length, "length");
      expectTrue(received.body === CHUNK.repeat(COUNT), "the body is what was written");
      expectEqual(sessionCookies(received).length, 1, "session cookies");
    },
  },
  {
    name: "a client that goes away while the body is sent stops it, and the changes are kept",
    async run(scene) {
      let isClosed = false;
      const close = (): void => {
        isClosed = true;
      };
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("n")) };
        loaded.set("n", "kept");
        return { body: endless(close) };
      });
      const visitor = browser();
      const exchange = visitor.begin();
      await exchange.until(CHUNK.length);
      exchange.abort();
      await until("the body is closed", () => isClosed);
      expectEqual((await visitor.visit("/read")).body, "kept", "what is in the session");
    },
  },
  {
    name: "a client that goes away before the head does not stop the commit",
    needs: ["records", "sockets"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: String(loaded.get("n")) };
        loaded.set("n", path);
        return { body: "x" };
      });
      const visitor = browser();
      await visitor.visit("/before");
      const shut = gate();
      scene.recorded.clear();
      scene.trouble("update", { heldBy: shut });
      const exchange = visitor.begin("/after");
      await until(
        "the commit asks the store",
        () => scene.recorded.count("update") > 0,
        () => browser().visit("/read"),
      );
      exchange.abort();
      await browser().visit("/read");
      scene.trouble("update", undefined);
      shut.open();
      expectEqual((await visitor.visit("/read")).body, "/after", "what is in the session");
    },
  },
  {
    name: "P9 while the body is sent, a buffered change throws; `load` and `update` work",
    needs: ["records"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path === "/read") return { body: JSON.stringify(loaded.all()) };
        loaded.set("n", "early");
        async function* body(): AsyncIterable<string> {
          yield "first ";
          await nextTurn();
          const again = await session.load();
          try {
            again.set("n", "late");
            yield "kept";
          } catch (error) {
            yield `${(error as { code?: string }).code} `;
          }
          await session.update("count", () => 1);
          yield String(again.get("n"));
        }
        return { body: body() };
      });
      const visitor = browser();
      const { body } = await visitor.visit();
      expectEqual(body, "first ERR_SESSION_CLOSED early", "body");
      expectEqual((await visitor.visit("/read")).body, '{"n":"early","count":1}', "what was kept");
    },
  },
  {
    name: "P9 a session that is first used while the body is sent is read, and refuses changes",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/in") await session.signIn("ada");
        async function* body(): AsyncIterable<string> {
          yield "first ";
          await nextTurn();
          await nextTurn();
          const loaded = await session.load();
          yield `${loaded.userId} `;
          try {
            loaded.set("n", 1);
            yield "kept";
          } catch (error) {
            yield String((error as { code?: string }).code);
          }
        }
        return { body: body() };
      });
      const ada = browser();
      await ada.visit("/in");
      const { body, cookies } = await ada.visit();
      expectEqual(body, "first ada ERR_SESSION_CLOSED", "body");
      expectEqual(cookies, [], "cookies");
    },
  },
  {
    name: "P9 in development a change in place that came too late is an event that names the key",
    needs: ["end"],
    options: { dev: true },
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        const loaded = await session.load();
        loaded.set("cart", ["tea"]);
        const cart = loaded.get("cart") as string[];
        async function* body(): AsyncIterable<string> {
          yield "x";
          await nextTurn();
          cart.push("milk");
          yield "y";
        }
        return { body: body() };
      });
      const { body } = await browser().visit();
      expectEqual(body, "xy", "body");
      await until("the late change is told", () => scene.told("lateChange").length > 0);
      expectEqual(
        scene.told("lateChange").map(({ keys }) => keys),
        [["cart"]],
        "late changes",
      );
    },
  },
  {
    name: "trailers follow a body that waited for the commit",
    needs: ["trailers"],
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        (await session.load()).set("n", 1);
        return { headers: { trailer: "x-sum" }, body: many(), trailers: { "x-sum": "64" } };
      });
      const received: Answer = await browser().visit();
      expectEqual(received.body.length, COUNT * CHUNK.length, "length");
      expectEqual(received.trailers["x-sum"], "64", "trailer");
    },
  },
];

async function* endless(closed: () => void): AsyncIterable<string> {
  try {
    for (;;) {
      yield CHUNK;
      await nextTurn();
    }
  } finally {
    closed();
  }
}
