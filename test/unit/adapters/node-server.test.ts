import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coatcheck as honoCoatcheck } from "../../../src/adapters/hono.ts";
import { coatcheck as webCoatcheck } from "../../../src/adapters/web.ts";
import type { Session } from "../../../src/index.ts";
import type { Data } from "../../support/test-sessions.ts";
import { testSessions } from "../../support/test-sessions.ts";
import type { Wire } from "../../support/wire.ts";
import { listenWith } from "../../support/wire.ts";

type Handler = (session: Session<Data>) => Response | Promise<Response>;
type Fetch = (request: Request) => Response | Promise<Response>;

const { sessions } = testSessions();
const inDevelopment = testSessions({ dev: true });

const adapters: Record<string, (handler: Handler) => Fetch> = {
  "the Web adapter": (handler) => webCoatcheck(sessions, (_request, session) => handler(session)),
  "the Web adapter in development": (handler) =>
    webCoatcheck(inDevelopment.sessions, (_request, session) => handler(session)),
  "the Hono adapter": (handler) => {
    const app = new Hono<{ Variables: { session: Session<Data> } }>();
    app.use(honoCoatcheck(sessions));
    app.all("*", (c) => handler(c.get("session")));
    return app.fetch;
  },
};

// It puts a `Response` of its own in the place of the runtime's, which is not the same in all.
describe.each(Object.entries(adapters))("%s behind @hono/node-server", (_name, fetchOf) => {
  let handler: Handler;
  let wire: Wire;
  beforeEach(async () => {
    const fetch = fetchOf((session) => handler(session));
    wire = await listenWith(createAdaptorServer({ fetch }) as Server);
  });
  afterEach(() => wire.close());

  const get = async (): Promise<string> =>
    (await wire.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).replace(
      /^Date: .*\r\n/m,
      "",
    );

  it("keeps the length of a body that is known", async () => {
    handler = async (session) => {
      await session.load();
      return Response.json({ tea: "grün" });
    };
    expect(await get()).toBe(
      [
        "HTTP/1.1 200 OK",
        "cache-control: private",
        "content-type: application/json",
        "vary: Cookie",
        "content-length: 15",
        "Connection: close",
        "",
        Buffer.from('{"tea":"grün"}').toString("latin1"),
      ].join("\r\n"),
    );
  });

  it("keeps the length of a text, and the type that the server gives it", async () => {
    handler = () => new Response("tea");
    const untouched = await get();
    handler = async (session) => {
      await session.load();
      return new Response("tea");
    };
    const used = await get();
    const field = (name: string, head: string) =>
      new RegExp(`^${name}: (.*)\r$`, "im").exec(head)?.[1];
    for (const name of ["content-length", "content-type", "transfer-encoding"]) {
      expect([name, field(name, used)]).toEqual([name, field(name, untouched)]);
    }
    expect(field("content-length", used)).toBe("3");
  });

  it("sends a stream as it comes", async () => {
    let goOn = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    handler = async (session) => {
      await session.load();
      const text = new TextEncoder();
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(text.encode("first"));
            await asked;
            controller.enqueue(text.encode("second"));
            controller.close();
          },
        }),
      );
    };
    const { socket, until, rest } = await wire.open();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await until("5\r\nfirst\r\n");
    goOn();
    expect(await rest()).toMatch(/transfer-encoding: chunked\r\n.*first\r\n6\r\nsecond\r\n0\r\n/is);
  });

  it("sets no cookie of one request on the answer to another, where the app gives both one response", async () => {
    const shared = new Response(null, { status: 204, headers: { "x-one": "1" } });
    handler = () => shared;
    const untouched = await get();
    handler = async (session) => {
      await session.signIn("ada");
      return shared;
    };
    expect(await get()).toMatch(/set-cookie: .*sid=/i);
    handler = () => shared;
    expect(await get()).toBe(untouched);
    expect(untouched).not.toMatch(/set-cookie/i);
  });
});
