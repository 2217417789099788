/**
 * Stores that were made for express-session, under the façade: by their own protocol, with the records
 * that express-session reads, so that an app goes there and back with nobody signed out.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { inherits } from "node:util";
import { RedisStore } from "connect-redis";
import express from "express";
import original from "express-session";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionData, Store as StoreType } from "../../src/compat/express-session.ts";
import session, { Store } from "../../src/compat/express-session.ts";
import type { Browser } from "../support/express-visitor.ts";
import { browserOf, serve } from "../support/express-visitor.ts";
import { SECRET } from "../support/express-ways.ts";
import { describeWith, findProgram, required } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Untyped = ConstructorParameters<typeof RedisStore>[0]["client"];

const options = { secret: SECRET, resave: false, saveUninitialized: false };

function appWith(middleware: express.RequestHandler) {
  const app = express();
  app.use(middleware);
  app.get("/put/:key/:value", (req, res) => {
    Reflect.set(req.session, req.params.key, req.params.value);
    res.send("put");
  });
  app.get("/data", (req, res) => {
    const { cookie, ...data } = req.session;
    res.json(data);
  });
  app.get("/new", (req, res) => {
    req.session.regenerate(() => {
      Reflect.set(req.session, "user", "ada");
      res.send("new");
    });
  });
  app.get("/destroy", (req, res) => void req.session.destroy(() => res.send("gone")));
  return app;
}

async function there(store: StoreType, run: (old: Browser, fresh: Browser) => Promise<void>) {
  const before = await serve(appWith(original({ ...options, store: store as never })));
  const after = await serve(appWith(session({ ...options, store })));
  const old = before.browser();
  await run(old, browserOf(after.origin, old.jar));
  await before.close();
  await after.close();
}

/** From express-session to the façade and back, with one browser. */
async function thereAndBack(store: StoreType): Promise<void> {
  await there(store, async (old, fresh) => {
    await old.get("/put/cart/tea");
    expect((await fresh.get("/data")).text).toBe('{"cart":"tea"}');
    await fresh.get("/put/theme/dark");
    expect((await old.get("/data")).text).toBe('{"cart":"tea","theme":"dark"}');
    await fresh.get("/new");
    expect((await old.get("/data")).text).toBe('{"user":"ada"}');
    await old.get("/new");
    await old.get("/put/cart/milk");
    expect((await fresh.get("/data")).text).toBe('{"user":"ada","cart":"milk"}');
    await fresh.get("/destroy");
    expect((await old.get("/data")).text).toBe("{}");
  });
}

describe("a store of the app's own", () => {
  const kept = new Map<string, string>();
  const verbs = {
    get(sid: string, callback: (error: unknown, found?: SessionData | null) => void) {
      const text = kept.get(sid);
      callback(null, text === undefined ? null : (JSON.parse(text) as SessionData));
    },
    set(sid: string, data: SessionData, callback?: (error?: unknown) => void) {
      kept.set(sid, JSON.stringify(data));
      callback?.();
    },
    destroy(sid: string, callback?: (error?: unknown) => void) {
      kept.delete(sid);
      callback?.();
    },
  };

  it("works as a class that extends ours", async () => {
    class OwnStore extends Store {
      get = verbs.get;
      set = verbs.set;
      destroy = verbs.destroy;
    }
    await thereAndBack(new OwnStore());
  });

  it("P5 is not given again what the same request has destroyed or regenerated", async () => {
    class OwnStore extends Store {
      get = verbs.get;
      set = verbs.set;
      destroy = verbs.destroy;
    }
    const app = express();
    app.use(session({ ...options, store: new OwnStore() }));
    app.get("/:how", (req, res) => {
      const before = req.session;
      Reflect.set(before, "user", "ada");
      before.save(() => {
        const how = req.params.how as "destroy" | "regenerate";
        before[how](() => before.save(() => res.send(before.id)));
      });
    });
    const site = await serve(app);
    for (const how of ["destroy", "regenerate"]) {
      const { text: sid } = await site.browser().get(`/${how}`);
      expect(sid).toHaveLength(32);
      expect(kept.has(sid)).toBe(false);
    }
    await site.close();
  });

  it("works as a class that extends express-session's", async () => {
    class OwnStore extends original.Store {
      get = verbs.get as never;
      set = verbs.set;
      destroy = verbs.destroy;
    }
    await thereAndBack(new OwnStore());
  });

  it("works as a function of the old kind", async () => {
    function OldStore(this: object): void {
      (Store as unknown as (this: object) => void).call(this);
    }
    inherits(OldStore as never, Store as never);
    Object.assign((OldStore as { prototype: object }).prototype, verbs);
    await thereAndBack(new (OldStore as never as new () => StoreType)());
  });
});

const redisServer = findProgram("redis-server");

describeWith({ "redis-server": redisServer }, "connect-redis", () => {
  let folder: string;
  let server: ReturnType<typeof spawn>;
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    folder = await temporaryFolder("compat-redis");
    const socket = `${folder}/redis.sock`;
    const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"];
    server = spawn(required("redis-server", redisServer), args, { cwd: folder });
    let log = "";
    for await (const piece of server.stdout ?? []) {
      log += String(piece);
      if (/ready to accept connections/i.test(log)) break;
    }
    client = createClient({ socket: { path: socket, tls: false } });
    await client.connect();
  });

  afterAll(async () => {
    client?.destroy();
    if (server?.exitCode === null) {
      server.kill();
      await once(server, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  });

  it("is read and written as by express-session, there and back", async () => {
    await thereAndBack(new RedisStore({ client: client as Untyped }));
  });

  it("keeps the record that express-session keeps", async () => {
    const store = new RedisStore({ client: client as Untyped, prefix: "same:" });
    await there(store, async (old, fresh) => {
      await old.get("/put/cart/tea");
      const [key = ""] = await client.keys("same:*");
      const before = await client.get(key);
      await fresh.get("/put/cart/milk");
      expect(await client.get(key)).toBe(before?.replace("tea", "milk"));
      expect(await client.keys("same:*")).toEqual([key]);
    });
  });
});
