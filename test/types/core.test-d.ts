import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { addFlash, takeFlash } from "../../src/flash.ts";
import type {
  Adoption,
  LoadedSession,
  Session,
  SessionEvents,
  SessionOf,
  Sessions,
  SessionsOptions,
  SignedInSession,
  SignInOptions,
} from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import type { ForeignSource } from "../../src/interop/source.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import type { FileStoreOptions } from "../../src/stores/file.ts";
import type { LmdbStoreOptions } from "../../src/stores/lmdb.ts";
import type { MysqlStoreOptions } from "../../src/stores/mysql.ts";
import type { PostgresStoreOptions } from "../../src/stores/postgres.ts";
import type { RedisStoreOptions } from "../../src/stores/redis.ts";

interface Shop {
  cart: string[];
  theme: "light" | "dark";
}

declare const store: SessionStore;
declare const secrets: string[];
declare const request: Request;

const typed = () => createSessions<Shop>({ secrets, store });
const untyped = () => createSessions({ secrets, store });

const schema = z.object({ cart: z.array(z.string()), theme: z.enum(["light", "dark"]) });
const checked = () => createSessions({ secrets, store, schema });

test("the data's type comes from the type argument, from a schema, or is open", () => {
  expectTypeOf(typed).returns.toEqualTypeOf<Sessions<Shop>>();
  expectTypeOf<SessionOf<ReturnType<typeof typed>>>().toEqualTypeOf<Session<Shop>>();
  type Checked = SessionOf<ReturnType<typeof checked>>;
  type Values = Awaited<ReturnType<Checked["load"]>>;
  expectTypeOf<ReturnType<Values["all"]>>().toEqualTypeOf<Partial<Shop>>();
  expectTypeOf(untyped).returns.toEqualTypeOf<Sessions<Record<string, unknown>>>();
  expectTypeOf<SessionOf<string>>().toBeNever();
});

test("get may give undefined, and knows the type of each key", () => {
  const read = (session: LoadedSession<Shop>) => ({
    cart: session.get("cart"),
    theme: session.get("theme"),
  });
  expectTypeOf(read).returns.toEqualTypeOf<{
    cart: string[] | undefined;
    theme: "light" | "dark" | undefined;
  }>();
  // @ts-expect-error: no such key
  const unknown = (session: LoadedSession<Shop>) => session.get("basket");
  expectTypeOf(unknown).toBeFunction();
  const open = (session: LoadedSession) => session.get("anything");
  expectTypeOf(open).returns.toBeUnknown();
});

test("set takes the value of its key and no other", () => {
  const write = (session: LoadedSession<Shop>) => {
    session.set("cart", ["tea"]);
    session.delete("theme");
    // @ts-expect-error: a value of the wrong type
    session.set("cart", "tea");
    // @ts-expect-error: not one of the words
    session.set("theme", "blue");
    // @ts-expect-error: no such key
    session.set("basket", []);
    // @ts-expect-error: no such key
    session.delete("basket");
    // @ts-expect-error: no such key
    return session.has("basket");
  };
  expectTypeOf(write).toBeFunction();
});

test("update gives and takes the value of its key, or all data", () => {
  const one = (session: Session<Shop>) =>
    session.update("cart", (cart = []) => {
      expectTypeOf(cart).toEqualTypeOf<string[]>();
      return [...cart, "tea"];
    });
  expectTypeOf(one).returns.resolves.toEqualTypeOf<string[] | undefined>();
  const all = (session: Session<Shop>) =>
    session.update((data) => {
      expectTypeOf(data).toEqualTypeOf<Partial<Shop>>();
      data.theme = "dark";
    });
  expectTypeOf(all).returns.resolves.toEqualTypeOf<Partial<Shop>>();
  const replaced = (session: Session<Shop>) => session.update(({ cart = [] }) => ({ cart }));
  expectTypeOf(replaced).toBeFunction();

  const wrong = (session: Session<Shop>) => {
    // @ts-expect-error: a function that gives a promise
    void session.update("cart", async (cart) => cart ?? []);
    // @ts-expect-error: the value of another key
    void session.update("cart", () => "dark");
    // @ts-expect-error: an arrow function gives back what it assigns
    void session.update((data) => (data.theme = "dark"));
    // @ts-expect-error: a promise of data
    void session.update(async (data) => data);
    // @ts-expect-error: no such key
    void session.update("basket", () => []);
  };
  expectTypeOf(wrong).toBeFunction();
});

test("a forgotten await is refused by the compiler", () => {
  const wrong = (session: Session<Shop>) => {
    // @ts-expect-error: the values are on the loaded session
    if (!session.userId) return false;
    // @ts-expect-error: the values are on the loaded session
    session.get("cart");
    // @ts-expect-error: load gives a promise
    return session.load().userId;
  };
  expectTypeOf(wrong).toBeFunction();
});

test("names of other libraries are not there", () => {
  for (const name of ["user", "cookie", "passport", "save", "destroy", "regenerate"] as const) {
    expectTypeOf<Session<Shop>>().not.toHaveProperty(name);
    expectTypeOf<LoadedSession<Shop>>().not.toHaveProperty(name);
  }
});

test("a user is there for sure after requireUser and requireFresh, and perhaps after load", () => {
  const loaded = async (session: Session<Shop>) => (await session.load()).userId;
  expectTypeOf(loaded).returns.resolves.toEqualTypeOf<string | undefined>();
  const signedIn = async (session: Session<Shop>) => (await session.requireUser()).userId;
  expectTypeOf(signedIn).returns.resolves.toEqualTypeOf<string>();
  const fresh = async (session: Session<Shop>) => (await session.requireFresh({ within: "5m" })).id;
  expectTypeOf(fresh).returns.resolves.toEqualTypeOf<string>();
  expectTypeOf<SignedInSession<Shop>>().toExtend<LoadedSession<Shop>>();
  expectTypeOf<LoadedSession<Shop>>().not.toExtend<SignedInSession<Shop>>();
});

test("the values of a loaded session are read only", () => {
  const wrong = (session: LoadedSession<Shop>) => {
    // @ts-expect-error: read only
    session.userId = "ada";
    // @ts-expect-error: read only
    session.id = "x";
    // @ts-expect-error: read only
    session.info.remembered = true;
    // @ts-expect-error: read only
    session.info.authentications.push({ method: "totp", at: 0 });
  };
  expectTypeOf(wrong).toBeFunction();
});

test("signIn keeps keys of the data, and takes a user id of text", () => {
  expectTypeOf<NonNullable<SignInOptions<Shop>["keep"]>[number]>().toEqualTypeOf<
    "cart" | "theme"
  >();
  const right = (session: Session<Shop>) =>
    session.signIn("ada", { keep: ["cart"], remember: true, methods: ["passkey"] });
  expectTypeOf(right).returns.resolves.toEqualTypeOf<LoadedSession<Shop>>();
  const wrong = (session: Session<Shop>) => {
    // @ts-expect-error: no such key
    void session.signIn("ada", { keep: ["basket"] });
    // @ts-expect-error: a number is no user id
    void session.signIn(5);
    // @ts-expect-error: a user that may be absent
    void session.signIn(undefined as string | undefined);
  };
  expectTypeOf(wrong).toBeFunction();
});

test("options are checked by the compiler as far as types go", () => {
  const wrong = () => {
    // @ts-expect-error: secrets are required
    createSessions({ store });
    // @ts-expect-error: a duration says its unit
    createSessions({ secrets, store, timeouts: { idle: "30" } });
    // @ts-expect-error: no such preset
    createSessions({ secrets, store, timeouts: "strict" });
    // @ts-expect-error: no such option
    createSessions({ secrets, store, resave: false });
    // @ts-expect-error: HttpOnly is not an option
    createSessions({ secrets, store, cookie: { httpOnly: false } });
    // @ts-expect-error: a promise of data
    createSessions({ secrets, store, version: 1, migrate: async (old) => old });
    // @ts-expect-error: a schema of other data
    createSessions<Shop>({ secrets, store, schema: z.object({ cart: z.number() }) });
  };
  expectTypeOf(wrong).toBeFunction();
});

test("wrong values in calls are refused by the compiler, as they are at run time", () => {
  const wrong = async (sessions: Sessions<Shop>, session: Session<Shop>, source: ForeignSource) => {
    const { id, userId } = await session.load();
    // @ts-expect-error: no such moment
    void session.commit({ at: "heed" });
    // @ts-expect-error: no such head
    sessions.open(request, { head: "send" });
    // @ts-expect-error: the controller in the place of its signal
    void session.watch(new AbortController());
    // @ts-expect-error: there is nothing to choose
    void session.signOut({ everywhere: true });
    // @ts-expect-error: nobody is excepted
    void sessions.revokeEveryone({ except: "x" });
    // @ts-expect-error: a session that may have no id yet
    void sessions.revoke(id);
    // @ts-expect-error: a user that may be absent
    sessions.list(userId);
    const map = () => ({ data: { cart: 5 } });
    // @ts-expect-error: data of another type
    createSessions<Shop>({ secrets, store, adopt: [{ from: source, map }] });
    // @ts-expect-error: the same, where a schema says the type
    createSessions({ secrets, store, schema, adopt: [{ from: source, map }] });
  };
  expectTypeOf(wrong).toBeFunction();
});

test("an event is known by its name", () => {
  const listen = (sessions: Sessions<Shop>) => {
    sessions.on("signedIn", ({ userId, methods }) => {
      expectTypeOf(userId).toEqualTypeOf<string>();
      expectTypeOf(methods).toEqualTypeOf<readonly string[]>();
    });
    sessions.on("reuse", (event) => expectTypeOf(event).toEqualTypeOf<SessionEvents["reuse"]>());
    // @ts-expect-error: no such event
    sessions.on("logout", () => undefined);
    return sessions.on("created", () => undefined);
  };
  expectTypeOf(listen).returns.toEqualTypeOf<() => void>();
});

test("a handle is opened from a request and found on what carries it, with its type", () => {
  const open = (sessions: Sessions<Shop>) => sessions.open(request, { head: "sent" });
  expectTypeOf(open).returns.toEqualTypeOf<Session<Shop>>();
  const of = (sessions: Sessions<Shop>) => sessions.of(request);
  expectTypeOf(of).returns.toEqualTypeOf<Session<Shop>>();
});

test("flash messages work on a session of any data", () => {
  const flash = async (session: Session<Shop>) => {
    await addFlash(session, "notice", "saved");
    return takeFlash(session);
  };
  expectTypeOf(flash).returns.resolves.items.toEqualTypeOf<{
    readonly kind: string;
    readonly text: string;
  }>();
});

/** The options of `T` that may be left out and may not be `undefined`. */
type Unforgiving<T> = keyof {
  [K in keyof T as undefined extends T[K]
    ? undefined extends Required<T>[K]
      ? never
      : K
    : never]: true;
};

test("an option may be undefined, as a variable of the environment and a field of a form are", () => {
  expectTypeOf<Unforgiving<{ a?: 1; b: 2; c?: 3 | undefined }>>().toEqualTypeOf<"a">();
  expectTypeOf<Unforgiving<SessionsOptions>>().toBeNever();
  expectTypeOf<Unforgiving<NonNullable<SessionsOptions["cookie"]>>>().toBeNever();
  expectTypeOf<Unforgiving<NonNullable<SessionsOptions["sealed"]>>>().toBeNever();
  expectTypeOf<Unforgiving<Exclude<SessionsOptions["timeouts"], string | undefined>>>().toBeNever();
  expectTypeOf<Unforgiving<Adoption>>().toBeNever();
  expectTypeOf<Unforgiving<SignInOptions>>().toBeNever();
  expectTypeOf<Unforgiving<NonNullable<Parameters<Sessions["open"]>[1]>>>().toBeNever();
  expectTypeOf<Unforgiving<NonNullable<Parameters<Sessions["revokeUser"]>[1]>>>().toBeNever();
  expectTypeOf<Unforgiving<Parameters<Session["requireFresh"]>[0]>>().toBeNever();
  expectTypeOf<Unforgiving<LmdbStoreOptions>>().toBeNever();
  expectTypeOf<Unforgiving<FileStoreOptions>>().toBeNever();
  expectTypeOf<Unforgiving<PostgresStoreOptions>>().toBeNever();
  expectTypeOf<Unforgiving<MysqlStoreOptions>>().toBeNever();
  expectTypeOf<Unforgiving<RedisStoreOptions>>().toBeNever();
});
