/**
 * Fastify 5 without its logger.
 *
 * @module
 */

import fastify from "fastify";

export async function listener({ plug }, handlers) {
  const app = fastify();
  if (plug !== undefined) await plug(app);
  for (const [path, handler] of handlers) {
    app.get(path, (request, reply) => {
      const answer = handler(() => new URLSearchParams(request.query), request, reply);
      if (typeof answer !== "string") return answer;
      reply.send(answer);
    });
  }
  await app.ready();
  return app.routing;
}
