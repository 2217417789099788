import type { RedisStore } from "connect-redis";
import type { RequestHandler } from "express";
import type original from "express-session";
import { expectTypeOf, test } from "vitest";
import type { Cookie, SessionData, Store } from "../../src/compat/express-session.ts";
import session, { MemoryStore, Session } from "../../src/compat/express-session.ts";
import { toExpressStore } from "../../src/compat/express-store.ts";
import { memoryStore } from "../../src/stores/memory.ts";

test("the middleware is one of Express", () => {
  expectTypeOf(session({ secret: "s" })).toExtend<RequestHandler>();
});

test("the types have the names that code for express-session calls them by", () => {
  expectTypeOf<session.SessionData>().toEqualTypeOf<SessionData>();
  expectTypeOf<session.Store>().toEqualTypeOf<Store>();
});

test("code written with @types/express-session fits, in both directions", () => {
  expectTypeOf<original.Session>().toExtend<session.Session>();
  expectTypeOf<original.Cookie>().toExtend<Cookie>();
  expectTypeOf<Cookie>().toExtend<original.Cookie>();
  const store: Store = {} as original.Store;
  session({ secret: "s", store });
  expectTypeOf<original.SessionOptions["cookie"]>().toExtend<session.SessionOptions["cookie"]>();
});

test("stores of either kind are taken", () => {
  session({ secret: "s", store: new MemoryStore() });
  session({ secret: "s", store: memoryStore() });
  session({ secret: "s", store: toExpressStore(memoryStore()) });
  session({ secret: "s", store: {} as RedisStore });
  // @ts-expect-error: no store of any kind
  session({ secret: "s", store: new Map() });
});

test("the constructors are on the function, and have names of their own", () => {
  expectTypeOf(session.Session).toEqualTypeOf(Session);
  expectTypeOf(session.MemoryStore).toEqualTypeOf(MemoryStore);
});
