/**
 * The public core of coatcheck.
 *
 * @module
 */

export type { SessionCookie } from "./cookie/write.ts";
export type { SessionEvent, SessionEvents, SessionListener } from "./core/events.ts";
export type {
  Adopted,
  Adoption,
  CookieOptions,
  SealedOptions,
  SessionsOptions,
  TimeoutOptions,
  TimeoutPreset,
} from "./core/options.ts";
export type { NodeRequestLike, RequestLike, WebRequestLike } from "./core/request.ts";
export type {
  Authentication,
  CommitOptions,
  FreshOptions,
  HeadChanges,
  ListedSession,
  LoadedSession,
  LoadOptions,
  OutagePolicy,
  Refusal,
  Session,
  SessionInfo,
  SignedInSession,
  SignInOptions,
} from "./core/session.ts";
export {
  createSessions,
  type OpenOptions,
  type SessionOf,
  type Sessions,
  type SweepOptions,
} from "./core/sessions.ts";
export type { SchemaIssue, SchemaLike } from "./core/standard-schema.ts";
export {
  CoatcheckError,
  ConfigError,
  CrossOriginError,
  type ErrorCode,
  FreshnessError,
  isCoatcheckError,
  SessionClosedError,
  SessionConflictError,
  SessionTooLargeError,
  SignInRefusedError,
  SignInRequiredError,
  StoreReadOnlyError,
  StoreUnavailableError,
  UnreadableRecordError,
  UsageError,
  ValueError,
} from "./errors.ts";
export type { ForeignDraft, ForeignSession, ForeignSource } from "./interop/source.ts";
export type { Duration } from "./lib/duration.ts";
export { generateSecret } from "./token/key-ring.ts";
