import { afterEach, describe, expect, it, vi } from "vitest";
import { withHead } from "../../../src/adapters/response.ts";
import { coatcheck } from "../../../src/adapters/web.ts";
import { ownCookie } from "../../../src/cookie/write.ts";
import type { Session } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faulty, outage } from "../../../src/testing/faults.ts";
import { SECRET } from "../../support/ways.ts";

type Data = Record<string, unknown>;
type Handler = (request: Request, session: Session<Data>) => Response | Promise<Response>;

const down = outage();
const sessions = createSessions<Data>({
  secrets: [SECRET],
  store: faulty(memoryStore(), down.plan),
});

const serve = (handler: Handler): Promise<Response> =>
  coatcheck(sessions, handler)(new Request("http://shop.test/"));

afterEach(() => {
  down.end();
  vi.restoreAllMocks();
});

describe("the Web adapter", () => {
  it("sets its cookie on a response that cannot be changed", async () => {
    const response = await serve(async (_request, session) => {
      await session.signIn("ada");
      return Response.redirect("http://shop.test/cart", 303);
    });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("http://shop.test/cart");
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("never changes the app's own response, which may be given to everyone", async () => {
    const shared = new Response(null, { status: 204, headers: { "x-one": "1" } });
    const response = await serve(async (_request, session) => {
      await session.signIn("ada");
      return shared;
    });
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect([...shared.headers]).toEqual([["x-one", "1"]]);
    const untouched = await serve(() => shared);
    expect(untouched.headers.getSetCookie()).toEqual([]);
  });

  it("P1 gives back the very response of a handler that did not use its session", async () => {
    const own = new Response("x");
    expect(await serve(() => own)).toBe(own);
  });

  it("passes on what the runtime gives besides the request", async () => {
    const handler = coatcheck(sessions, (_request, _session, ...rest: [number, string]) =>
      Response.json(rest),
    );
    const response = await handler(new Request("http://shop.test/"), 1, "two");
    expect(await response.json()).toEqual([1, "two"]);
  });

  it("keeps every field of a response, the repeated ones too", async () => {
    const response = await serve(async (_request, session) => {
      await session.load();
      const headers = new Headers({ "x-one": "1" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response("body", { status: 201, statusText: "Made", headers });
    });
    expect(response.status).toBe(201);
    expect(response.statusText).toBe("Made");
    expect(response.headers.get("x-one")).toBe("1");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.text()).toBe("body");
  });

  it("leaves a network error alone", async () => {
    const response = await serve(async (_request, session) => {
      await session.load();
      return Response.error();
    });
    expect(response.type).toBe("error");
  });

  it("cancels the body that is not sent when the commit fails", async () => {
    const cancelled = vi.fn();
    const response = await serve(async (_request, session) => {
      (await session.load()).set("n", 1);
      down.begin();
      return new Response(new ReadableStream({ cancel: cancelled }));
    });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(cancelled).toHaveBeenCalledOnce();
  });
});

describe("what a Web handler throws", () => {
  it("is thrown on when it is a stranger's and no cookie has to go out", async () => {
    const error = new Error("mine");
    const untouched = serve(() => {
      throw error;
    });
    await expect(untouched).rejects.toBe(error);
    const read = serve(async (_request, session) => {
      (await session.load()).set("n", 1);
      throw error;
    });
    await expect(read).rejects.toBe(error);
  });

  it("is printed, and answered with 500, when a cookie has to go out", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const error = new Error("mine");
    const response = await serve(async (_request, session) => {
      await session.signIn("ada");
      throw error;
    });
    expect(response.status).toBe(500);
    expect(await response.text()).toBe("Internal Server Error\n");
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(printed.mock.calls).toEqual([[error]]);
  });

  it("stays a response, with its cookie, when it is one: that is how some frameworks redirect", async () => {
    const thrown = await serve(async (_request, session) => {
      const loaded = await session.signIn("ada");
      loaded.set("n", 1);
      throw Response.redirect("http://shop.test/", 303);
    }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Response);
    const { status, headers } = thrown as Response;
    expect(status).toBe(303);
    const [field = ""] = headers.getSetCookie();
    const cookie = field.split(";")[0] ?? "";
    const loaded = await sessions
      .open(new Request("http://shop.test/", { headers: { cookie } }))
      .load();
    expect([loaded.userId, loaded.get("n")]).toEqual(["ada", 1]);
  });

  it("is an outage when it is a response and the session cannot be written, with the cookie of a sign-in", async () => {
    const response = await serve(async (_request, session) => {
      const loaded = await session.signIn("ada");
      loaded.set("n", 1);
      down.begin();
      throw Response.redirect("http://shop.test/", 303);
    });
    expect(response.status).toBe(503);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("becomes the status of an error of coatcheck's own", async () => {
    const response = await serve(async (_request, session) => {
      await session.requireUser();
      return new Response("never");
    });
    expect(response.status).toBe(401);
    expect(await response.text()).toBe("Unauthorized\n");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("is thrown on when coatcheck was used in a way that cannot work", async () => {
    const misused = serve(async (_request, session) => {
      await session.load();
      // A plain JavaScript caller forgets `load`.
      return new Response(String((session as unknown as { userId: string }).userId));
    });
    await expect(misused).rejects.toMatchObject({ code: "ERR_USAGE" });
  });
});

describe("the end of a Web response in development", () => {
  const dev = createSessions<Data>({ secrets: [SECRET], store: memoryStore(), dev: true });
  const late: (readonly string[])[] = [];
  dev.on("lateChange", ({ keys }) => late.push(keys));

  async function lateAfter(body: BodyInit | null, finish: (response: Response) => unknown) {
    late.length = 0;
    const cart: string[] = [];
    const handler = coatcheck(dev, async (_request, session) => {
      const loaded = await session.load();
      loaded.set("cart", ["tea"]);
      cart.push(...(loaded.get("cart") as string[]));
      (loaded.get("cart") as string[]).push("milk");
      await session.commit({ at: "head" });
      (loaded.get("cart") as string[]).push("late");
      return new Response(body);
    });
    await finish(await handler(new Request("http://shop.test/")));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return late;
  }

  it("is when its body has been read", async () => {
    expect(await lateAfter("x", (response) => response.text())).toEqual([["cart"]]);
  });

  it("is when its body is cancelled", async () => {
    expect(await lateAfter("x", (response) => response.body?.cancel())).toEqual([["cart"]]);
  });

  it("is at once without a body", async () => {
    expect(await lateAfter(null, () => undefined)).toEqual([["cart"]]);
  });

  it("is not before", async () => {
    expect(await lateAfter("x", () => undefined)).toEqual([]);
  });
});

describe("withHead", () => {
  const cookie = ownCookie("sid", "new", {
    path: "/",
    secure: true,
    sameSite: "lax",
    partitioned: false,
  });
  const changes = { cookies: [cookie], vary: true, cacheControl: "no-store" } as const;

  it("sets the cookie of an upgrade in place, as a copy would lose its socket", () => {
    const upgrade = { status: 101, headers: new Headers() } as Response;
    expect(withHead(upgrade, { ...changes, clearSiteData: undefined })).toBe(upgrade);
    expect(upgrade.headers.getSetCookie()).toEqual([String(cookie)]);
  });

  it("adds to what the app asks the browser to forget", () => {
    const response = new Response(null, { headers: { "clear-site-data": '"storage"' } });
    const { headers } = withHead(response, { ...changes, clearSiteData: '"cache"' });
    expect(headers.get("clear-site-data")).toBe('"storage", "cache"');
  });
});
