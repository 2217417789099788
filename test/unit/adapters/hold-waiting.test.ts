import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerOptions, ServerResponse } from "node:http";
import { Agent, get } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdHead } from "../../../src/adapters/hold.ts";
import { ownCookie } from "../../../src/cookie/write.ts";
import { SessionConflictError, StoreUnavailableError, ValueError } from "../../../src/errors.ts";
import type { GatedSession, HeldServer } from "../../support/held.ts";
import { gatedSession, NOTHING, serveHeld } from "../../support/held.ts";
import { tick } from "../../support/response-apps.ts";
import type { Wire } from "../../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
const GET_ONCE = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

const COOKIE = ownCookie("sid", "new", {
  path: "/",
  secure: true,
  sameSite: "lax",
  partitioned: false,
});
const SIGNED_IN = { ...NOTHING, cookies: [COOKIE], vary: true, cacheControl: "no-store" } as const;

const wires: Wire[] = [];
const warnings: Error[] = [];
const warn = (warning: Error): void => void warnings.push(warning);

beforeEach(() => {
  process.on("warning", warn);
});
afterEach(async () => {
  process.off("warning", warn);
  warnings.length = 0;
  await Promise.all(wires.splice(0).map((wire) => wire.close()));
});

async function serve(
  listener: RequestListener,
  session?: GatedSession,
  options?: ServerOptions & { readonly before?: RequestListener; readonly dev?: boolean },
): Promise<HeldServer> {
  const held = await serveHeld(listener, session, options);
  wires.push(held.wire);
  return held;
}

/** The session's commit has begun. */
async function begun({ commits }: GatedSession): Promise<void> {
  while (commits.length === 0) await tick();
}

describe("what waits for the commit", () => {
  it.each<[string, RequestListener]>([
    ["end", (_req, res) => res.end("x")],
    ["write", (_req, res) => res.write("x")],
    ["writeHead", (_req, res) => res.writeHead(200)],
    ["flushHeaders", (_req, res) => res.flushHeaders()],
    ["writeHead, then flushHeaders", (_req, res) => res.writeHead(200).flushHeaders()],
  ])("P9 no byte leaves before the store has taken the changes: %s", async (_name, listener) => {
    const { wire, session } = await serve(listener);
    const { socket, received, until } = await wire.open();
    socket.write(GET);
    await begun(session);
    // A whole other exchange on the same machine: what had been sent would be here by now.
    await once((await wire.open()).socket.end(), "close");
    expect(received()).toBe("");

    session.gate.open();
    // `writeHead` alone sends nothing in Node either.
    if (_name === "writeHead") await tick();
    else await until("HTTP/1.1 200 OK");
  });

  it("is what a stream's writer is told to wait for, with one drain", async () => {
    const seen: unknown[] = [];
    const { wire, session } = await serve(async (_req, res) => {
      res.on("drain", () => seen.push("drain"));
      seen.push(res.writableNeedDrain, res.writableLength);
      seen.push(res.write("four"), res.write("66697665", "hex"));
      seen.push(res.writableNeedDrain, res.writableLength);
      await once(res, "drain");
      seen.push(res.writableNeedDrain);
      res.end();
    });
    session.gate.open();
    await wire.exchange(GET_ONCE);
    expect(seen).toEqual([false, 0, false, false, true, 8, "drain", false]);
  });

  it("leaves in the order of the requests on one connection", async () => {
    const sessions = new Map([
      ["/1", gatedSession()],
      ["/2", gatedSession()],
    ]);
    const { wire } = await serve((_req, res) => res.end("unused"));
    wire.server.removeAllListeners("request");
    wire.server.on("request", (req, res) => {
      holdHead(res, sessions.get(req.url ?? "") as GatedSession, false);
      res.write(`body ${req.url}`);
      res.end();
    });
    const { socket, received, until } = await wire.open();
    socket.write("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    await begun(sessions.get("/2") as GatedSession);
    sessions.get("/2")?.gate.open();
    await tick();
    expect(received()).toBe("");
    sessions.get("/1")?.gate.open();
    await until("body /2");
    expect(received().indexOf("body /1")).toBeLessThan(received().indexOf("body /2"));
  });

  it("is dropped when the connection closes, and the commit is not", async () => {
    const failures: unknown[] = [];
    let response: ServerResponse | undefined;
    const { wire, session } = await serve((_req, res) => {
      response = res;
      res.write("x", (error) => failures.push((error as { code?: string } | null)?.code));
      res.on("close", () => {
        failures.push(res.write("y", (error) => failures.push((error as { code?: string }).code)));
      });
    });
    const { socket } = await wire.open();
    socket.write(GET);
    await begun(session);
    socket.destroy();
    while (failures.length < 3) await tick();
    expect(failures.sort()).toEqual(["ERR_STREAM_DESTROYED", "ERR_STREAM_DESTROYED", false]);
    expect(session.commits).toEqual([{ at: "head", failed: false }]);
    session.gate.open();
    await tick();
    expect(response?.headersSent).toBe(true);
  });

  it("has the headers of writeHead in every form that holds pairs", async () => {
    const { wire, session } = await serve((_req, res) => {
      res.setHeader("X-One", "0");
      const headers = new Headers({ "x-one": "1" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      // Node itself looks only at the properties of an object, and finds none here.
      res.writeHead(200, headers as unknown as Record<string, string>).end();
    });
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE);
    expect(answer).toMatch(/set-cookie: a=1\r\nset-cookie: b=2\r\nx-one: 1\r\n/i);
    expect(answer).not.toContain("X-One: 0");
  });

  it("goes out with the cookies of every kind of session that was used", async () => {
    const other = ownCookie("admin", "1", COOKIE.attributes);
    const first = gatedSession(SIGNED_IN);
    const second = gatedSession({ ...SIGNED_IN, cookies: [other] });
    const { wire } = await serve((_req, res) => {
      holdHead(res, second, false);
      res.end();
    }, first);
    first.gate.open();
    second.gate.open();
    const answer = await wire.exchange(GET_ONCE);
    expect(answer).toContain("Set-Cookie: sid=new;");
    expect(answer).toContain("Set-Cookie: admin=1;");
  });

  it("goes out without a body where the app flushes its head, such as that of server-sent events", async () => {
    const { wire, session } = await serve((_req, res) => {
      res.writeHead(200, { "Content-Type": "text/event-stream" });
      res.flushHeaders();
    });
    const { socket, until } = await wire.open();
    socket.write(GET);
    session.gate.open();
    await until("text/event-stream");
  });

  it("goes out when the server is closed meanwhile", async () => {
    const { wire, session } = await serve((_req, res) => res.end("the last"));
    const { socket, until } = await wire.open();
    socket.write(GET);
    await begun(session);
    wire.server.close();
    session.gate.open();
    await until("the last");
  });

  it.each([true, false])(
    "goes out though methods that do nothing have taken the place of its own, the commit fails: %s",
    async (fails) => {
      const down = new StoreUnavailableError("memory", "update");
      const session = gatedSession(fails ? down : SIGNED_IN, SIGNED_IN);
      const { wire } = await serve((_req, res) => {
        res.end("too late");
        // So that nothing that comes after a time-out can follow.
        const nothing = () => res;
        Object.assign(res, {
          setHeader: nothing,
          writeHead: nothing,
          write: nothing,
          end: nothing,
        });
      }, session);
      session.gate.open();
      const answer = await wire.exchange(GET_ONCE);
      expect(answer).toMatch(
        fails ? /^HTTP\/1.1 503 .*Unavailable\n$/s : /^HTTP\/1.1 200 .*late$/s,
      );
      expect(answer).toContain(`Set-Cookie: ${COOKIE}`);
    },
  );

  it.each<[string, Error | undefined]>([
    ["", undefined],
    ["of a commit that fails", new StoreUnavailableError("memory", "update")],
  ])(
    "P12 goes out as the session asks, whatever others change as it is written %s",
    async (_name, failure) => {
      const asked = { ...SIGNED_IN, clearSiteData: '"storage"' } as const;
      const session = gatedSession(failure ?? asked, asked);
      const { wire } = await serve((_req, res) => {
        const { writeHead } = res;
        res.writeHead = function (this: ServerResponse, status: number) {
          this.setHeader("Cache-Control", "max-age=60");
          return writeHead.call(this, status, {
            Vary: "Accept",
            "Set-Cookie": "theirs=1",
          } as never);
        } as never;
        res.end();
      }, session);
      session.gate.open();
      const [, ...head] = (await wire.exchange(GET_ONCE)).split("\r\n");
      expect(head).toEqual(
        expect.arrayContaining([
          "Cache-Control: no-store",
          'Clear-Site-Data: "storage"',
          "Set-Cookie: theirs=1",
          `Set-Cookie: ${COOKIE}`,
          "Vary: Accept, Cookie",
        ]),
      );
    },
  );
});

describe("the session", () => {
  it.each([
    [200, false],
    [404, false],
    [500, true],
    [503, true],
  ])("is told by the status whether the handler failed: %d", async (status, failed) => {
    const { wire, session } = await serve((_req, res) => res.writeHead(status).end());
    session.gate.open();
    await wire.exchange(GET_ONCE);
    expect(session.commits).toEqual([{ at: "head", failed }]);
  });

  it("is told that the head is out when it is used too late", async () => {
    const late = gatedSession();
    const { wire, session } = await serve((_req, res) => {
      res.write("x");
      holdHead(res, late, false);
      res.end();
    });
    session.gate.open();
    await wire.exchange(GET_ONCE);
    expect(late.commits).toEqual([{ at: "head" }]);
  });

  it.each([
    [true, [{ at: "head", failed: false }, { at: "end" }]],
    [false, [{ at: "head", failed: false }]],
  ])("is told in development that the response is over: %s", async (dev, commits) => {
    const { wire, session } = await serve((_req, res) => res.end(), gatedSession(), { dev });
    session.gate.open();
    await wire.exchange(GET_ONCE);
    await tick();
    expect(session.commits).toEqual(commits);
  });
});

describe("a commit that fails", () => {
  const down = (): StoreUnavailableError => new StoreUnavailableError("memory", "update");

  it("P10 answers 503 in place of the body, without any header of it", async () => {
    const { wire, session } = await serve(
      (_req, res) => {
        res.setHeader("Set-Cookie", ["other=1", "sid=stale"]);
        res.setHeader("Content-Security-Policy", "default-src 'none'");
        res.setHeader("Vary", "Accept-Encoding");
        res.writeHead(201, "Made", {
          "Content-Type": "application/json",
          "Content-Length": 1000,
          ETag: '"1"',
          "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
          "Cache-Control": "public, max-age=60",
          "CDN-Cache-Control": "max-age=600",
          Location: "/elsewhere",
        });
        res.write("{");
        res.end("}");
      },
      gatedSession(down(), SIGNED_IN),
    );
    session.gate.open();
    const [head = "", body] = (await wire.exchange(GET_ONCE)).split("\r\n\r\n");
    expect(
      head
        .replace(/Date: .*/, "Date: …")
        .split("\r\n")
        .sort(),
    ).toEqual([
      "Cache-Control: no-store",
      "Connection: close",
      "Content-Length: 20",
      "Content-Security-Policy: default-src 'none'",
      "Content-Type: text/plain; charset=utf-8",
      "Date: …",
      "HTTP/1.1 503 Service Unavailable",
      "Retry-After: 5",
      "Set-Cookie: other=1",
      `Set-Cookie: ${COOKIE}`,
      "Vary: Accept-Encoding, Cookie",
      "X-Content-Type-Options: nosniff",
    ]);
    expect(body).toBe("Service Unavailable\n");
    expect(session.commits).toEqual([
      { at: "head", failed: false },
      { at: "head", failed: true },
    ]);
    // An outage is an event of its own.
    expect(warnings).toEqual([]);
  });

  it("calls the writer back with the error, and takes nothing more from it", async () => {
    const seen: unknown[] = [];
    const error = down();
    const { wire, session } = await serve((_req, res) => {
      const note = (what: string) => (given?: unknown) => void seen.push([what, given]);
      res.write("lost", note("first"));
      res.once("finish", () => {
        seen.push(res.headersSent, res.writableEnded);
        seen.push(res.write("late", note("second")));
        res.end("late", "utf8", note("third"));
        expect(() => res.setHeader("X-One", "1")).toThrow("after they are sent");
      });
    }, gatedSession(error));
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE);
    await tick();
    expect(answer).not.toContain("lost");
    expect(answer).not.toContain("late");
    expect(seen).toEqual([
      ["first", error],
      true,
      true,
      false,
      ["second", error],
      ["third", error],
    ]);
  });

  it("leaves the connection good for the next request", async () => {
    const { wire, session } = await serve((_req, res) => res.end("fine"), gatedSession(down()));
    session.gate.open();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const request = async (): Promise<[number | undefined, string]> => {
      const [answer] = (await once(
        get({ port: wire.port, host: "127.0.0.1", agent }),
        "response",
      )) as [IncomingMessage];
      return [answer.statusCode, Buffer.concat(await answer.toArray()).toString()];
    };
    // The second commit of this session is its `failed` one, the third serves the next request.
    expect(await request()).toEqual([503, "Service Unavailable\n"]);
    expect(await request()).toEqual([200, "fine"]);
    agent.destroy();
  });

  it("answers a conflict with 409", async () => {
    const conflict = new SessionConflictError("another request has changed cart meanwhile", [
      "cart",
    ]);
    const { wire, session } = await serve((_req, res) => res.end("x"), gatedSession(conflict));
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE);
    expect(answer).toMatch(/^HTTP\/1\.1 409 Conflict/);
    expect(answer).toMatch(/\r\n\r\nConflict\n$/);
    expect(warnings).toEqual([]);
  });

  it("answers a mistake of the app with 500, and tells the process what it was", async () => {
    const mistake = new ValueError("cart[2]", "is a function");
    const { wire, session } = await serve((_req, res) => res.end("x"), gatedSession(mistake));
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE);
    expect(answer).toMatch(/^HTTP\/1\.1 500 Internal Server Error/);
    expect(answer).not.toContain("cart");
    await tick();
    expect(warnings).toEqual([mistake]);
  });

  it("says in development what is wrong", async () => {
    const mistake = new ValueError("cart[2]", "is a function");
    const { wire, session } = await serve((_req, res) => res.end("x"), gatedSession(mistake), {
      dev: true,
    });
    session.gate.open();
    expect(await wire.exchange(GET_ONCE)).toContain("the value at `cart[2]` is a function");
  });

  it("sends no body to a HEAD request", async () => {
    const { wire, session } = await serve((_req, res) => res.end("x"), gatedSession(down()));
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE.replace("GET", "HEAD"));
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain("Content-Length: 20");
    expect(answer).toMatch(/\r\n\r\n$/);
  });

  it("does not outlive a client that has gone", async () => {
    const { wire, session } = await serve((_req, res) => res.write("x"), gatedSession(down()));
    const { socket } = await wire.open();
    socket.write(GET);
    await begun(session);
    socket.destroy();
    await tick();
    session.gate.open();
    while (session.commits.length < 2) await tick();
  });
});

describe("a call that Node refuses only when it is made again", () => {
  it("becomes an answer, not a crash", async () => {
    // Node writes no trailers to HEAD and throws when the head is written: a client can ask for it.
    const { wire, session } = await serve((_req, res) => {
      res.setHeader("Trailer", "X-Sum");
      res.end("x");
    });
    session.gate.open();
    const answer = await wire.exchange(GET_ONCE.replace("GET", "HEAD"));
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    await tick();
    expect(warnings).toMatchObject([{ code: "ERR_HTTP_TRAILER_INVALID" }]);
  });
});
