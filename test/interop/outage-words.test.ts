/** What an outage of another library's backend tells: with a real client, whose errors name the command. */

import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSessions, generateSecret } from "../../src/index.ts";
import type { ForeignRecords } from "../../src/interop/flask-session.ts";
import { flaskSession } from "../../src/interop/flask-session.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { describeWith } from "../support/needs.ts";
import { redisServer, startRedis } from "./python/redis-server.ts";

describeWith({ "redis-server": redisServer }, "trouble with another library's records", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis({ port: server.port, host: "127.0.0.1" });
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const id = "k".repeat(43);
  const cookie = `session=${id}`;

  function sharing(told: unknown[]) {
    const records: ForeignRecords = {
      async read(key) {
        const value = await redis.getBuffer(key);
        return value === null ? undefined : { value };
      },
      async write(key, { value }) {
        await redis.set(key, value.toString());
      },
      async remove(key) {
        await redis.del(key);
      },
    };
    const share = flaskSession({ records, layout: "redis", format: "json" });
    const secrets = [generateSecret()];
    const sessions = createSessions({ secrets, method: "shared", share, store: memoryStore() });
    sessions.on("outage", (event) => told.push(event));
    sessions.on("commitFailed", (event) => told.push(event));
    return sessions;
  }

  it("P13 says why, and neither the cookie nor what is in the session", async () => {
    const told: unknown[] = [];
    const sessions = sharing(told);
    await redis.lpush(`session:${id}`, "a list, which `GET` refuses");
    const unread = sessions.open({ headers: { cookie } }).load();
    told.push(await unread.catch((error: unknown) => error));
    await redis.del(`session:${id}`);
    await redis.config("SET", "maxmemory", "1");
    const handle = sessions.open({ headers: {} });
    (await handle.load()).set("note", "private data");
    told.push(await handle.commit({ at: "head" }).catch((error: unknown) => error));
    const words = inspect(told, { depth: 9 });
    expect(words).toMatch(/WRONGTYPE/);
    expect(words).toMatch(/OOM command not allowed/);
    expect(words).not.toContain(id);
    expect(words).not.toContain("private data");
  });
});
