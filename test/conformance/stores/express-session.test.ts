import { rm } from "node:fs/promises";
import { RedisStore } from "connect-redis";
import session from "express-session";
import { createClient } from "redis";
import sessionFileStore from "session-file-store";
import { afterAll } from "vitest";
import type { ExpressSessionStoreLike } from "../../../src/stores/express-session.ts";
import { expressSessionStore } from "../../../src/stores/express-session.ts";
import { bridgeRedis, redisProgram } from "../../support/bridge-redis.ts";
import { runBridgeSuite } from "../../support/bridges.ts";
import { describeWith, required } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function handles(client: ExpressSessionStoreLike) {
  return {
    store: expressSessionStore({ client, forgets: [] }),
    another: async () => expressSessionStore({ client, forgets: [] }),
    elsewhere: async () => expressSessionStore({ client, prefix: "elsewhere-" }),
  };
}

await runBridgeSuite("express-session's MemoryStore", () => handles(new session.MemoryStore()), {
  races: true,
});

await runBridgeSuite("session-file-store", async () => {
  const path = await temporaryFolder("session-file-store");
  const FileStore = sessionFileStore(session);
  const client = new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => undefined });
  return { ...handles(client), dispose: () => rm(path, { recursive: true }) };
});

if (redisProgram === undefined) {
  describeWith({ "redis-server": redisProgram }, "connect-redis store", () => {
    required("redis-server", redisProgram);
  });
} else {
  const redis = await bridgeRedis();
  const client = await createClient({ url: redis.url }).connect();
  afterAll(async () => {
    client.destroy();
    await redis.stop();
  });
  let opened = 0;
  await runBridgeSuite("connect-redis", () => {
    opened += 1;
    return handles(new RedisStore({ client, prefix: `t${opened}:` }));
  });
}
