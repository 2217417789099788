/**
 * Every library and every framework of the bench, loaded only when it is their turn.
 *
 * @module
 */

const LIBRARIES = {
  bare: ["./bare.mjs", "bare"],
  floor: ["./floor.mjs", "floor"],
  "floor-many": ["./floor.mjs", "floorMany"],
  coatcheck: ["./coatcheck.mjs", "coatcheckStored"],
  "coatcheck-many": ["./coatcheck.mjs", "coatcheckMany"],
  "coatcheck-sealed": ["./coatcheck.mjs", "coatcheckSealed"],
  "express-session": ["./express-session.mjs", "expressSession"],
  "express-session-memorystore": ["./express-session.mjs", "expressSessionMemorystore"],
  "cookie-session": ["./cookie-session.mjs", "cookieSessionLibrary"],
  "fastify-session": ["./fastify-session.mjs", "fastifySessionDefault"],
  "fastify-session-still": ["./fastify-session.mjs", "fastifySessionStill"],
  "fastify-session-serialising": ["./fastify-session.mjs", "fastifySessionSerialising"],
  "fastify-secure-session": ["./fastify-secure-session.mjs", "fastifySecureSession"],
  "iron-session": ["./iron-session.mjs", "ironSession"],
  "koa-session-store": ["./koa-session.mjs", "koaSessionStore"],
  "koa-session-serialising": ["./koa-session.mjs", "koaSessionSerialising"],
  "koa-session-cookie": ["./koa-session.mjs", "koaSessionCookie"],
  "hono-sessions": ["./hono-sessions.mjs", "honoSessions"],
  "hono-sessions-unsigned": ["./hono-sessions.mjs", "honoSessionsUnsigned"],
  "hono-sessions-serialising": ["./hono-sessions.mjs", "honoSessionsSerialising"],
  "hono-sessions-cookie": ["./hono-sessions.mjs", "honoSessionsCookie"],
  "hono-session-storage": ["./hono-session.mjs", "honoSessionStorage"],
  "hono-session-serialising": ["./hono-session.mjs", "honoSessionSerialising"],
  "hono-session-cookie": ["./hono-session.mjs", "honoSessionCookie"],
  h3: ["./h3.mjs", "h3Session"],
};

/** On a database or on files: what `install` is told besides is where. */
const PLACED = {
  "coatcheck-redis": ["./placed.mjs", "coatcheckRedis"],
  "connect-redis": ["./placed.mjs", "connectRedis"],
  "coatcheck-postgres": ["./placed.mjs", "coatcheckPostgres"],
  "connect-pg-simple": ["./placed.mjs", "connectPgSimple"],
  "coatcheck-file": ["./placed.mjs", "coatcheckFile"],
  "session-file-store": ["./placed.mjs", "sessionFileStore"],
};

const RACES_ONLY = /-serialising$/;
const NO_RACES = /^bare$|^floor|-many$/;
const IN_PROCESS_ONLY = /^bare$|-many$/;

/** The ids of those that are timed in process. */
export const TIMED = Object.keys(LIBRARIES).filter((id) => !RACES_ONLY.test(id));
/** The ids of those that are timed over loopback. */
export const SERVED = TIMED.filter((id) => !IN_PROCESS_ONLY.test(id));
/** The ids of those that race. */
export const RACING = Object.keys(LIBRARIES).filter((id) => !NO_RACES.test(id));

export async function library(id) {
  const [file, name] = LIBRARIES[id] ?? PLACED[id];
  return (await import(file))[name];
}

export async function framework(id) {
  return (await import(`../frameworks/${id}.mjs`)).listener;
}
