/**
 * No library at all: the handlers answer what the others would, and keep nothing.
 *
 * @module
 */

export const bare = {
  id: "bare",
  name: "no sessions",
  keeps: "nothing",
  setup: "the framework alone, against itself: what the measurement cannot tell apart",
  on: ["node", "express", "fastify", "koa", "hono", "h3"],
  install: () => ({
    read: () => "dark",
    change() {},
    start() {},
  }),
};
