/**
 * Hono 4 on `@hono/node-server`.
 *
 * @module
 */

import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";

export async function listener({ plug = [] }, handlers) {
  const app = new Hono();
  for (const middleware of plug) app.use(middleware);
  for (const [path, handler] of handlers) {
    app.get(path, (c) => {
      const answer = handler(() => new URLSearchParams(c.req.query()), c);
      return typeof answer === "string" ? c.text(answer) : answer.then((text) => c.text(text));
    });
  }
  app.onError((error, c) => c.text(error.stack ?? String(error), 500));
  return getRequestListener(app.fetch);
}
