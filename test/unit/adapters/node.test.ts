import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { WithSession } from "../../../src/adapters/node.ts";
import { coatcheck } from "../../../src/adapters/node.ts";
import { listenOn } from "../../support/adapter-apps/serve.ts";
import type { Data } from "../../support/test-sessions.ts";
import { cookieOf, testSessions } from "../../support/test-sessions.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const { target, close } = await listenOn(createServer(listener));
  closing.push(close);
  return String(target);
}

type Asked = WithSession<IncomingMessage, Data>;

/** Sets a key, which is kept as the head is written. */
async function written(request: Asked): Promise<string> {
  (await request.session.load()).set("name", "ada");
  return "ada";
}

type Fatal = "unhandledRejection" | "uncaughtException";

/** What would have ended the process. The test runner's own listeners stand aside meanwhile. */
async function fatal(event: Fatal, run: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners(event as "uncaughtException");
  const seen: unknown[] = [];
  process.removeAllListeners(event);
  process.on(event as "uncaughtException", (error) => seen.push(error));
  await run();
  await new Promise((resolve) => setImmediate(resolve));
  process.removeAllListeners(event);
  for (const each of others) process.on(event as "uncaughtException", each);
  return seen;
}

describe("the node adapter", () => {
  it("answers a listener that rejects, and throws its error on as Node would see it", async () => {
    const { sessions } = testSessions();
    const error = new Error("after the sign-in");
    const target = await serve(
      coatcheck(sessions, async (request) => {
        await request.session.signIn("ada");
        throw error;
      }),
    );
    const seen = await fatal("unhandledRejection", async () => {
      const response = await fetch(target);
      expect([response.status, await response.text()]).toEqual([500, "Internal Server Error\n"]);
      const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
      expect(session.userId).toBe("ada");
    });
    expect(seen).toEqual([error]);
  });

  it.each<[string, (request: Asked, response: ServerResponse) => Promise<unknown>]>([
    ["end", async (request, response) => response.end(await written(request))],
    [
      "write",
      async (request, response) => {
        response.write(await written(request));
        response.end();
      },
    ],
    [
      "writeHead",
      async (request, response) =>
        response.writeHead((await written(request)) === "ada" ? 200 : 404).end("ada"),
    ],
  ])("P9 holds the head where %s is looked up before the session is used", async (_name, run) => {
    const { sessions, recorded } = testSessions();
    const target = await serve(coatcheck(sessions, run));
    const response = await fetch(target);
    expect([response.status, await response.text()]).toEqual([200, "ada"]);
    expect(recorded.count("create")).toBe(1);
    const session = await sessions.open({ headers: { cookie: cookieOf(response) } }).load();
    expect(session.get("name")).toBe("ada");
  });

  it("answers a listener that throws, and throws its error on", async () => {
    const { sessions } = testSessions();
    const error = new Error("at once");
    const target = await serve(
      coatcheck(sessions, () => {
        throw error;
      }),
    );
    const seen = await fatal("uncaughtException", async () => {
      expect((await fetch(target)).status).toBe(500);
    });
    expect(seen).toEqual([error]);
  });

  it("answers its own errors with their status, and throws nothing on", async () => {
    const { sessions } = testSessions();
    const target = await serve(
      coatcheck(sessions, async (request, response) => {
        response.setHeader("ETag", '"1"');
        await request.session.requireUser();
      }),
    );
    const seen = await fatal("unhandledRejection", async () => {
      const response = await fetch(target);
      expect([response.status, await response.text()]).toEqual([401, "Unauthorized\n"]);
      expect(response.headers.get("etag")).toBeNull();
      expect(response.headers.get("vary")).toBe("Cookie");
    });
    expect(seen).toEqual([]);
  });

  it("drops what was buffered with each of its own errors, and keeps what acted at once", async () => {
    const { sessions } = testSessions();
    const target = await serve(
      coatcheck(sessions, async ({ session, url }) => {
        if (url === "/in") await session.signIn("ada");
        (await session.load()).set("n", 1);
        if (url === "/in") await session.requireFresh({ within: "5m", methods: ["totp"] });
        else await session.requireUser();
      }),
    );
    const visitor = await fetch(target);
    expect([visitor.status, visitor.headers.getSetCookie()]).toEqual([401, []]);
    const ada = await fetch(`${target}/in`);
    expect(ada.status).toBe(401);
    const session = await sessions.open({ headers: { cookie: cookieOf(ada) } }).load();
    expect([session.userId, session.get("n")]).toEqual(["ada", undefined]);
  });

  it("only throws on what fails after the head", async () => {
    const { sessions } = testSessions();
    const error = new Error("late");
    const target = await serve(
      coatcheck(sessions, async (request, response) => {
        await request.session.load();
        response.end("fine");
        throw error;
      }),
    );
    const seen = await fatal("unhandledRejection", async () => {
      expect(await (await fetch(target)).text()).toBe("fine");
    });
    expect(seen).toEqual([error]);
  });

  it("is a middleware without a listener: it hands on, or is simply called first", async () => {
    const { sessions } = testSessions();
    const withSession = coatcheck(sessions);
    const handed: string[] = [];
    const target = await serve((request, response) => {
      if (request.url === "/next") withSession(request, response, () => handed.push("next"));
      else withSession(request, response);
      void sessions
        .of(request)
        .load()
        .then((session) => response.end(String(session.isNew)));
    });
    expect(await (await fetch(`${target}/next`)).text()).toBe("true");
    const response = await fetch(target);
    expect([await response.text(), response.headers.get("vary")]).toEqual(["true", "Cookie"]);
    expect(handed).toEqual(["next"]);
  });

  it("gives one handle when it is installed twice", async () => {
    const { sessions, recorded } = testSessions();
    const withSession = coatcheck(sessions);
    const target = await serve((request, response) => {
      withSession(request, response);
      const first = sessions.of(request);
      withSession(request, response);
      void first.load().then((session) => {
        session.set("n", 1);
        response.end(String(sessions.of(request) === first));
      });
    });
    expect(await (await fetch(target)).text()).toBe("true");
    expect(recorded.count("create")).toBe(1);
  });

  it("refuses to take the place of another library's session", async () => {
    const { sessions } = testSessions();
    const target = await serve((request, response) => {
      Object.assign(request, { session: { views: 1 } });
      expect(() => coatcheck(sessions)(request, response)).toThrow("`session` is taken");
      response.end("fine");
    });
    expect(await (await fetch(target)).text()).toBe("fine");
  });
});
