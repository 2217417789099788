/**
 * What a visitor sees when a page is missing, or a handler threw.
 *
 * @module
 */

import { CrossOriginError, FreshnessError, isCoatcheckError, SignInRequiredError } from "coatcheck";
import type { ErrorRequestHandler, RequestHandler, Response } from "express";
import { returnPath } from "./forms.ts";
import { render } from "./html.ts";
import { layout } from "./views/layout.ts";
import { troublePage } from "./views/trouble.ts";

export const notFound: RequestHandler = (req, res) => {
  showTrouble(res, req.path, 404, "Nothing hangs here", "The page has moved, or it never was.");
};

/** @param log - told about what is the shop's own fault. */
export function onError(log: (error: unknown) => void): ErrorRequestHandler {
  // Four parameters, or Express takes it for an ordinary handler.
  return function errorHandler(error: unknown, req, res, _next) {
    if (error instanceof SignInRequiredError) {
      return res.redirect(303, `/sign-in?next=${encodeURIComponent(returnPath(req))}`);
    }
    if (error instanceof FreshnessError) {
      return res.redirect(303, `/confirm?next=${encodeURIComponent(returnPath(req))}`);
    }

    const status = statusOf(error);
    if (status >= 500) log(error);
    if (res.headersSent) return res.destroy();
    const [heading, words] = wordsFor(error, status);
    showTrouble(res, req.path, status, heading, words);
  };
}

function statusOf(error: unknown): number {
  const status: unknown = (error as { status?: unknown } | undefined)?.status;
  return typeof status === "number" && status >= 400 && status <= 599 ? status : 500;
}

function wordsFor(error: unknown, status: number): readonly [heading: string, words: string] {
  if (error instanceof CrossOriginError) {
    return ["Not from there", "Another site tried to do something in your name. It was refused."];
  }
  if (status === 503) {
    return [
      "One moment",
      "The shop cannot look you up just now. You are still signed in; try again.",
    ];
  }
  if (isCoatcheckError(error) && status === 409) {
    return ["That came too late", "Your session has changed meanwhile. Go back and try once more."];
  }
  if (status < 500) return ["That did not fit", "The shop did not understand the request."];
  return ["That is our fault", "Something broke on our side. It has been written down."];
}

/** Without the session: it may be the session that failed. */
function showTrouble(
  res: Response,
  path: string,
  status: number,
  title: string,
  words: string,
): void {
  const frame = { title, path, messages: [] };
  res.status(status).set("Cache-Control", "no-store").type("html");
  res.send(render(layout(frame, troublePage(title, words))));
}
