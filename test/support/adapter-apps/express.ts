/**
 * Apps of Express for the adapter suite.
 *
 * @module
 */

import { createServer } from "node:http";
import { pipeline, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import express5 from "express";
import express4 from "express4";
import type * as adapter from "../../../src/adapters/express.ts";
import type { Session } from "../../../src/core/session.ts";
import type { Sessions } from "../../../src/core/sessions.ts";
import type { AdapterServer, Route, SuiteData } from "../../../src/testing/adapter-fixture.ts";
import type { AdapterApp } from "./serve.ts";
import { headersOf, listenOn } from "./serve.ts";

async function handle(route: Route, req: Request, res: Response): Promise<void> {
  const { session } = req as Request & { session: Session<SuiteData> };
  const { method, path } = req;
  // A parser has read it, if there is one.
  const content = async () => (typeof req.body === "string" ? req.body : await text(req));
  const answer = await route(session, { method, path, carrier: req, body: content });
  const { status = 200, body, trailers } = answer;
  for (const [name, value] of headersOf(answer)) res.append(name, value);
  if (trailers !== undefined) res.addTrailers(trailers);
  res.status(status);
  if (typeof body === "object") pipeline(Readable.from(body), res, () => undefined);
  else if (body === undefined) res.end();
  else res.send(body);
}

type Coatcheck = typeof adapter.coatcheck;

function start(coatcheck: Coatcheck, express: typeof express5, ...parsers: RequestHandler[]) {
  return (sessions: Sessions<SuiteData>, route: Route): Promise<AdapterServer> => {
    const app = express();
    app.use(coatcheck(sessions), ...parsers);
    app.use((req: Request, res: Response, next: NextFunction) => {
      // Express 4 does not look at promises.
      handle(route, req, res).catch(next);
    });
    return listenOn(createServer(app));
  };
}

export function express5App(coatcheck: Coatcheck): AdapterApp {
  return { start: start(coatcheck, express5), lacks: ["thrown errors"] };
}

/** With a parser of bodies. */
export function express4App(coatcheck: Coatcheck): AdapterApp {
  return {
    start: start(coatcheck, express4, express4.text({ limit: "1mb" })),
    lacks: ["partial bodies", "thrown errors"],
  };
}
