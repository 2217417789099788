/**
 * Adapters with one mistake each about requests that have a body: what the suite must turn red on.
 *
 * @module
 */

import type { Session } from "../../src/core/session.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { AdapterSuiteOptions, SuiteData } from "../../src/testing/adapter-fixture.ts";

type Handler = (request: Request) => Promise<Response>;

/** The parts of an adapter, each of which can be wrong. */
interface Parts {
  handle(handler: Handler, request: Request): Promise<Response>;
  settle(response: Response, session: Session<SuiteData>): Promise<Response>;
  /** Whether the commit after a handler that has thrown an error with this status is told so. */
  tellsFailure(status: number): boolean;
}

export interface WrongAdapter {
  readonly mistake: string;
  /** Names the tests that must find it. */
  readonly red: RegExp;
  readonly options: AdapterSuiteOptions;
}

async function settle(
  response: Response,
  session: Session<SuiteData>,
  failed = false,
): Promise<Response> {
  const { cookies, cacheControl } = await session.commit({ at: "head", failed });
  for (const cookie of cookies) response.headers.append("Set-Cookie", String(cookie));
  if (cacheControl !== undefined) response.headers.set("Cache-Control", cacheControl);
  return response;
}

const RIGHT: Parts = {
  handle: (handler, request) => handler(request),
  settle,
  tellsFailure: () => true,
};

/** An adapter that is right, as far as these tests ask, but for the parts given. */
export function adapterWith(parts: Partial<Parts>): AdapterSuiteOptions {
  const { handle, settle: settleIt, tellsFailure } = { ...RIGHT, ...parts };
  return {
    store: () => memoryStore(),
    method: "stored",
    lacks: ["sockets", "pipelining", "trailers", "end"],
    start: (sessions, route) => ({
      async target(carrier) {
        const session = sessions.open(carrier);
        sessions.attach(carrier, session);
        try {
          const response = await handle(async (request) => {
            const { method, url } = request;
            const { pathname: path } = new URL(url);
            const body = (): Promise<string> => request.text();
            const answer = await route(session, { method, path, carrier, body });
            const headers = new Headers(answer.headers as Record<string, string> | undefined);
            const { status = 200, body: text = "" } = answer;
            return new Response(text === "" ? null : String(text), { status, headers });
          }, carrier);
          return await settleIt(response, session);
        } catch (error) {
          const { status = 500 } = error as { status?: number };
          return await settle(new Response("failed", { status }), session, tellsFailure(status));
        }
      },
      close: () => undefined,
    }),
  };
}

function wrong(mistake: string, red: RegExp, parts: Partial<Parts>): WrongAdapter {
  return { mistake, red, options: adapterWith(parts) };
}

function copy({ url, method, headers }: Request, body: string | null): Request {
  return new Request(url, { method, headers, body });
}

export const WRONG_ADAPTERS: readonly WrongAdapter[] = [
  wrong("the handler gets a request without its body", /a body is read whole before/, {
    handle: (handler, request) => handler(copy(request, null)),
  }),
  wrong("the body is used up before the handler reads it", /a body is read whole after/, {
    async handle(handler, request) {
      await request.text();
      return await handler(request);
    },
  }),
  wrong("only the beginning of a long body is handed on", /a body is read whole before/, {
    async handle(handler, request) {
      const text = await request.text();
      return await handler(copy(request, text === "" ? null : text.slice(0, 65_536)));
    },
  }),
  wrong("only the first piece of a body is handed on", /a body that comes in pieces/, {
    async handle(handler, request) {
      const { value } = (await request.body?.getReader().read()) ?? {};
      return await handler(copy(request, value === undefined ? null : String(Buffer.from(value))));
    },
  }),
  wrong("a body that was broken off is taken for a whole one", /goes away half way/, {
    handle: (handler, request) =>
      handler(
        Object.assign(request, {
          text: () => Request.prototype.text.call(request).catch(() => ""),
        }),
      ),
  }),
  wrong("what was changed before reading the body failed is kept", /goes away half way/, {
    tellsFailure: () => false,
  }),
  wrong("an error that is not the server's fails nothing", /throws an error of the session's own/, {
    tellsFailure: (status) => status >= 500,
  }),
  wrong("a redirect does not say what the session asks of the head", /forms that sign in and out/, {
    async settle(response, session) {
      if (response.status !== 303) return await settle(response, session);
      await session.commit({ at: "head" });
      return response;
    },
  }),
  wrong("a redirect does not wait for the store", /P9 no redirect leaves/, {
    async settle(response, session) {
      const { isNew } = await session.load();
      const settled = settle(response, session);
      return response.status === 303 && !isNew ? response : await settled;
    },
  }),
];
