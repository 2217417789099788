/**
 * Express 5 in production mode.
 *
 * @module
 */

import express from "express";

export async function listener({ plug }, handlers) {
  const app = express();
  app.set("env", "production");
  if (plug !== undefined) app.use(plug);
  for (const [path, handler] of handlers) {
    app.get(path, (req, res) => {
      const answer = handler(() => new URLSearchParams(req.query), req, res);
      if (typeof answer === "string") return void res.end(answer);
      return answer.then((text) => void res.end(text));
    });
  }
  app.use((error, _req, res, _next) => {
    res.statusCode = 500;
    res.end(error.stack);
  });
  return app;
}
