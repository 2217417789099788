/**
 * coatcheck and express-session where an app on more than one machine keeps its sessions: in Redis, in
 * PostgreSQL, in files. Both get the same client, made as its own documentation says.
 *
 * @module
 */

import createPgStore from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import session from "express-session";
import pg from "pg";
import { createClient } from "redis";
import createFileStore from "session-file-store";
import { ONE_DAY } from "../fixture.mjs";
import { built } from "./built.mjs";
import { coatcheckWith } from "./coatcheck.mjs";
import { SETUP as EXPRESS_SESSION_SETUP, expressSessionOn } from "./express-session.mjs";

async function redisAt(port) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", (error) => console.error(error));
  return await client.connect();
}

function poolAt(port) {
  const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` });
  pool.on("error", (error) => console.error(error));
  return pool;
}

const coatcheckOn = (open) => async (framework, at) =>
  coatcheckWith({ store: await open(at) })(framework);

const placed = (id, name, setup, install) => ({
  id,
  name,
  keeps: "stored",
  setup,
  on: ["express"],
  install,
});

const ours = (id, name, setup, open) =>
  placed(id, name, `nothing but \`secrets\` and ${setup}`, coatcheckOn(open));

const theirs = (id, setup, open) =>
  placed(
    id,
    `express-session, ${id}`,
    `express-session with ${EXPRESS_SESSION_SETUP}; ${setup}`,
    expressSessionOn(open),
  );

export const coatcheckRedis = ours(
  "coatcheck-redis",
  "coatcheck, redisStore",
  "`store: redisStore({ client })`, on node-redis",
  async (port) => {
    const { redisStore } = await built("stores/redis");
    return redisStore({ client: await redisAt(port) });
  },
);

export const connectRedis = theirs(
  "connect-redis",
  "its defaults, on the same client",
  async (port) => new RedisStore({ client: await redisAt(port) }),
);

export const coatcheckPostgres = ours(
  "coatcheck-postgres",
  "coatcheck, postgresStore",
  "`store: postgresStore({ client: pool })`, on pg",
  async (port) => {
    const { migrate, postgresStore } = await built("stores/postgres");
    const client = poolAt(port);
    await migrate(client);
    return postgresStore({ client });
  },
);

const PgStore = createPgStore(session);

export const connectPgSimple = theirs(
  "connect-pg-simple",
  "`createTableIfMissing`, else its defaults, on the same client",
  (port) => new PgStore({ pool: poolAt(port), createTableIfMissing: true }),
);

export const coatcheckFile = ours(
  "coatcheck-file",
  "coatcheck, fileStore",
  "`store: fileStore({ path })`",
  async (path) => {
    const { fileStore } = await built("stores/file");
    return fileStore({ path });
  },
);

const FileStore = createFileStore(session);

export const sessionFileStore = theirs(
  "session-file-store",
  "`ttl` one day, else its defaults",
  (path) => new FileStore({ path, ttl: ONE_DAY }),
);
