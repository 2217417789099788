import { Hono } from "hono";
import { stream, streamSSE } from "hono/streaming";
import { afterEach, describe, expect, it, vi } from "vitest";
import { coatcheck } from "../../../src/adapters/hono.ts";
import type { Session } from "../../../src/index.ts";
import { isCoatcheckError } from "../../../src/index.ts";
import type { Data } from "../../support/test-sessions.ts";
import { testSessions } from "../../support/test-sessions.ts";

type Env = { Variables: { session: Session<Data> } };

afterEach(() => {
  vi.restoreAllMocks();
});

function open() {
  const parts = testSessions();
  const app = new Hono<Env>();
  app.use(coatcheck(parts.sessions));
  return { ...parts, app };
}

describe("the Hono adapter", () => {
  it("gives coatcheck's errors their status, where Hono would answer 500", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { app } = open();
    app.get("/", async (c) => c.text((await c.get("session").requireUser()).userId));
    const response = await app.request("/");
    expect([response.status, await response.text()]).toEqual([401, "Unauthorized\n"]);
  });

  it("leaves the answer to the app's own error handler", async () => {
    const { app, down } = open();
    app.onError((error, c) =>
      c.json({ code: isCoatcheckError(error) ? error.code : "other" }, 418),
    );
    app.get("/guarded", async (c) => c.text((await c.get("session").requireUser()).userId));
    app.get("/commit", async (c) => {
      (await c.get("session").load()).set("n", 1);
      down.begin();
      return c.text("lost", 200, { etag: '"1"', "x-one": "1", "cache-control": "public" });
    });
    const guarded = await app.request("/guarded");
    expect([guarded.status, await guarded.json()]).toEqual([418, { code: "ERR_SIGN_IN_REQUIRED" }]);
    const failed = await app.request("/commit");
    expect([failed.status, await failed.json()]).toEqual([418, { code: "ERR_STORE_UNAVAILABLE" }]);
    expect(failed.headers.get("etag")).toBeNull();
    expect(failed.headers.get("x-one")).toBe("1");
    expect(failed.headers.get("cache-control")).not.toContain("public");
  });

  it("keeps the cookies of middleware around it, once each", async () => {
    const { sessions } = open();
    const app = new Hono<Env>();
    app.use(async (c, next) => {
      c.header("set-cookie", "before=1", { append: true });
      await next();
      c.header("set-cookie", "after=1", { append: true });
    });
    app.use(coatcheck(sessions));
    app.get("/", async (c) => {
      await c.get("session").signIn("ada");
      c.header("set-cookie", "handler=1", { append: true });
      return c.text("x");
    });
    const response = await app.request("/");
    const names = response.headers.getSetCookie().map((field) => field.split("=")[0]);
    expect(names).toEqual(["before", "handler", "sid", "after"]);
  });

  it("commits before a stream begins, and refuses changes in it", async () => {
    const { app } = open();
    app.get("/", async (c) => {
      const session = await c.get("session").load();
      session.set("n", 1);
      return stream(c, async (out) => {
        await out.write("first ");
        await new Promise((resolve) => setImmediate(resolve));
        try {
          session.set("n", 2);
        } catch (error) {
          await out.write(String((error as { code: string }).code));
        }
      });
    });
    const response = await app.request("/");
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await response.text()).toBe("first ERR_SESSION_CLOSED");
  });

  it("serves server-sent events", async () => {
    const { app } = open();
    app.get("/", async (c) => {
      (await c.get("session").load()).set("n", 1);
      return streamSSE(c, async (out) => {
        await out.writeSSE({ data: "one" });
        await out.writeSSE({ data: "two" });
      });
    });
    const response = await app.request("/");
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await response.text()).toBe("data: one\n\ndata: two\n\n");
  });

  it("sets its cookie on a response that was fetched from elsewhere", async () => {
    const { app } = open();
    app.get("/", async (c) => {
      await c.get("session").signIn("ada");
      return Response.redirect("http://elsewhere.test/", 302);
    });
    const response = await app.request("/");
    expect(response.headers.get("location")).toBe("http://elsewhere.test/");
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("never changes the app's own response, which may be given to everyone", async () => {
    const { app } = open();
    const shared = new Response(null, { status: 204 });
    app.get("/in", async (c) => {
      await c.get("session").signIn("ada");
      return shared;
    });
    app.get("/", () => shared);
    expect((await app.request("/in")).headers.getSetCookie()).toHaveLength(1);
    expect((await app.request("/")).headers.getSetCookie()).toEqual([]);
  });

  it("has the response of a request that only reads made with its headers, and makes no other", async () => {
    const { app } = open();
    const made: Response[] = [];
    app.get("/", async (c) => {
      await c.get("session").load();
      const response = c.text("x");
      made.push(response);
      return response;
    });
    const response = await app.request("/");
    expect(response).toBe(made[0]);
    expect(response.headers.get("vary")).toBe("Cookie");
    expect(response.headers.get("cache-control")).toBe("private");
  });

  it("says nothing to caches where the session is not looked at", async () => {
    const { app } = open();
    app.get("/", (c) => c.text("x"));
    expect([...(await app.request("/")).headers.keys()]).toEqual(["content-type"]);
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ["before", { vary: "Accept", "cache-control": "public, max-age=60" }, {}],
    ["after", {}, { vary: "Accept", "cache-control": "public, max-age=60" }],
  ])(
    "P12 keeps what the app says to caches %s the session is looked at",
    async (_when, before, after) => {
      const { app } = open();
      app.get("/", async (c) => {
        for (const [name, value] of Object.entries(before)) c.header(name, value);
        await c.get("session").load();
        for (const [name, value] of Object.entries(after)) c.header(name, value);
        return c.text("x");
      });
      const { headers } = await app.request("/");
      expect(headers.get("vary")).toBe("Accept, Cookie");
      expect(headers.get("cache-control")).toBe("private, max-age=60");
    },
  );

  it("P12 tells caches of a response that Hono has not made", async () => {
    const { app } = open();
    app.get("/", async (c) => {
      await c.get("session").load();
      return new Response("own");
    });
    const { headers } = await app.request("/");
    expect([headers.get("vary"), headers.get("cache-control")]).toEqual(["Cookie", "private"]);
  });

  it("drops buffered changes of a handler that throws what becomes a 4xx, too", async () => {
    const { app, recorded } = open();
    app.onError((_error, c) => c.text("not here", 404));
    app.get("/", async (c) => {
      (await c.get("session").load()).set("n", 1);
      throw new Error("not here");
    });
    expect((await app.request("/")).status).toBe(404);
    expect(recorded.count("create")).toBe(0);
  });

  it("keeps what the error handler changes, and nothing of the handler that has thrown", async () => {
    const { app, sessions } = open();
    app.onError(async (_error, c) => {
      (await c.get("session").load()).set("returnTo", c.req.path);
      return c.redirect("/sign-in");
    });
    app.get("/cart", async (c) => {
      (await c.get("session").load()).set("n", 1);
      await c.get("session").requireUser();
      return c.text("never");
    });
    const response = await app.request("/cart");
    expect(response.status).toBe(302);
    const [cookie = ""] = response.headers.getSetCookie();
    const headers = { cookie: cookie.split(";", 1).join("") };
    expect((await sessions.open({ headers }).load()).all()).toEqual({ returnTo: "/cart" });
  });

  it("answers an unknown path like any other", async () => {
    const { app } = open();
    app.use(async (c, next) => {
      await c.get("session").load();
      await next();
    });
    const response = await app.request("/nowhere");
    expect([response.status, response.headers.get("vary")]).toEqual([404, "Cookie"]);
  });
});
