/**
 * Koa 3.
 *
 * @module
 */

import Koa from "koa";

export async function listener({ plug }, handlers) {
  const app = new Koa();
  app.silent = true;
  if (plug !== undefined) plug(app);
  app.use((ctx) => {
    const handler = handlers.get(ctx.path);
    const answer = handler(() => new URLSearchParams(ctx.querystring), ctx);
    const send = (text) => {
      ctx.body = text;
    };
    return typeof answer === "string" ? send(answer) : answer.then(send);
  });
  return app.callback();
}
