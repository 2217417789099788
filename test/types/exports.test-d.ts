import { expectTypeOf, test } from "vitest";
import type {
  Authentication,
  CommitOptions,
  CookieOptions,
  Duration,
  ErrorCode,
  FreshOptions,
  HeadChanges,
  ListedSession,
  LoadedSession,
  LoadOptions,
  NodeRequestLike,
  OpenOptions,
  OutagePolicy,
  Refusal,
  RequestLike,
  SchemaIssue,
  SchemaLike,
  SealedOptions,
  Session,
  SessionCookie,
  SessionEvent,
  SessionEvents,
  SessionInfo,
  SessionListener,
  SessionOf,
  Sessions,
  SessionsOptions,
  SignedInSession,
  SignInOptions,
  SweepOptions,
  TimeoutOptions,
  TimeoutPreset,
  WebRequestLike,
} from "../../src/index.ts";
import type * as contract from "../../src/stores/contract.ts";

test("every public type is there under its name", () => {
  expectTypeOf<
    | Authentication
    | CommitOptions
    | CookieOptions
    | Duration
    | ErrorCode
    | FreshOptions
    | HeadChanges
    | ListedSession
    | LoadOptions
    | LoadedSession
    | NodeRequestLike
    | OpenOptions
    | OutagePolicy
    | Refusal
    | RequestLike
    | SchemaIssue
    | SchemaLike
    | SealedOptions
    | Session
    | SessionCookie
    | SessionEvent
    | SessionEvents
    | SessionInfo
    | SessionListener<SessionEvent>
    | SessionOf<Sessions>
    | Sessions
    | SessionsOptions
    | SignInOptions
    | SignedInSession
    | SweepOptions
    | TimeoutOptions
    | TimeoutPreset
    | WebRequestLike
    | contract.CutOffOptions
    | contract.ListPage
    | contract.ListQuery
    | contract.Loaded
    | contract.NewRecord
    | contract.RecordUpdate
    | contract.Revocation
    | contract.Revocations
    | contract.SessionRecord
    | contract.SessionStore
    | contract.StoreChange
    | contract.StoreTraits
  >().not.toBeAny();
});

test("a standard Request and a request of Node's are requests", () => {
  expectTypeOf<Request>().toExtend<RequestLike>();
  expectTypeOf<import("node:http").IncomingMessage>().toExtend<RequestLike>();
  expectTypeOf<import("node:http2").Http2ServerRequest>().toExtend<RequestLike>();
});

test("a duration is a number of seconds or says its unit", () => {
  expectTypeOf<30>().toExtend<Duration>();
  expectTypeOf<"30m">().toExtend<Duration>();
  expectTypeOf<"1.5h">().toExtend<Duration>();
  expectTypeOf<"30">().not.toExtend<Duration>();
  expectTypeOf<"30 minutes">().not.toExtend<Duration>();
  expectTypeOf<"soon">().not.toExtend<Duration>();
});

test("the values are not on the handle, and the handle's verbs are not on the values", () => {
  expectTypeOf<Session>().not.toHaveProperty("userId");
  expectTypeOf<Session>().not.toHaveProperty("get");
  expectTypeOf<LoadedSession>().not.toHaveProperty("signIn");
  expectTypeOf<LoadedSession>().not.toHaveProperty("load");
});

test("the type of the data goes from the app to every request", () => {
  interface Shop {
    cart: string[];
    theme: "light" | "dark";
  }
  type Handle = SessionOf<Sessions<Shop>>;
  type Values = Awaited<ReturnType<Handle["load"]>>;
  expectTypeOf<Handle>().toEqualTypeOf<Session<Shop>>();
  expectTypeOf<Values>().toEqualTypeOf<LoadedSession<Shop>>();
  expectTypeOf<Values["keys"]>().returns.toEqualTypeOf<("cart" | "theme")[]>();
  expectTypeOf<ReturnType<Handle["requireUser"]>>().resolves.toEqualTypeOf<SignedInSession<Shop>>();
});

test("a signed-in session has a user and an id for sure", () => {
  expectTypeOf<SignedInSession["userId"]>().toEqualTypeOf<string>();
  expectTypeOf<SignedInSession["id"]>().toEqualTypeOf<string>();
});
