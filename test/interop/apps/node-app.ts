/**
 * A Node app with coatcheck that does what the Python apps beside it do, over HTTP.
 *
 * @module
 */

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { coatcheck } from "../../../src/adapters/node.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import { flaskLoginIdentifier } from "../../../src/interop/flask.ts";
import { describeValue, undescribed } from "../python/describe.ts";
import type { Operation } from "./python-app.ts";
import { USER_AGENT } from "./python-app.ts";

type Data = Record<string, unknown>;

/** What an operation has left, as the app sees it; and its cookies. */
export interface NodeAnswer {
  readonly user: string | undefined;
  /** Described. */
  readonly session: unknown;
  readonly setCookie: string[];
}

export interface NodeApp {
  readonly port: number;
  /** @param url - where it is asked, if not at its own port. */
  operate(operation: Operation, cookie: string, url?: string): Promise<NodeAnswer>;
  stop(): Promise<void>;
}

/** Starts it, and closes the sessions with it. */
export async function startNodeApp(sessions: Sessions<Data>, isFlask: boolean): Promise<NodeApp> {
  const listener = coatcheck(sessions, async (request, response) => {
    const { op, key = "", value } = (await bodyOf(request)) as Operation;
    const handle = sessions.of(request);
    const session = await handle.load();
    switch (op) {
      case "set":
        session.set(key, undescribed(value));
        break;
      case "nest":
        await handle.update(key, (old) => ({ ...(isDict(old) ? old : {}), inner: value }));
        break;
      case "pop":
        session.delete(key);
        break;
      case "clear":
        session.clear();
        break;
      case "sign-in":
        await handle.signIn(String(value));
        // Flask-Login throws away a session that is not of this client.
        if (isFlask) session.set("_id", await flaskLoginIdentifier("127.0.0.1", USER_AGENT));
        break;
      case "sign-out":
        await handle.signOut();
        break;
      default:
    }
    const left = { user: session.userId, session: describeValue(session.all()) };
    response.end(JSON.stringify(left));
  });
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async operate(operation, cookie, url = `http://127.0.0.1:${port}/`) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "user-agent": USER_AGENT, cookie },
        body: JSON.stringify(operation),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the Node app answered ${response.status}: ${text}`);
      const { user, session } = JSON.parse(text) as NodeAnswer;
      return { user, session, setCookie: response.headers.getSetCookie() };
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await sessions.close();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece as string;
  return JSON.parse(text);
}

function isDict(value: unknown): value is Data {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
