/**
 * `createSessions`: one object for everything that keeps sessions.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { createAdmin } from "./admin.ts";
import type { Core, StoredCore } from "./core.ts";
import type { SessionEvent, SessionListener } from "./events.ts";
import { createEmitter } from "./events.ts";
import { createHandles } from "./handle.ts";
import { createMemo } from "./memo.ts";
import type { Method } from "./method.ts";
import { createMirror } from "./mirror.ts";
import { checkOptions, POLICY } from "./names.ts";
import type { SessionsOptions } from "./options.ts";
import type { RequestLike } from "./request.ts";
import { createSealed } from "./sealed.ts";
import type { ListedSession, OutagePolicy, Session } from "./session.ts";
import { resolveOptions } from "./settings.ts";
import { createShape } from "./shape.ts";
import { createShared } from "./shared.ts";
import { createStoreCalls } from "./store-calls.ts";
import { createStored } from "./stored.ts";
import { checkUserId } from "./user-id.ts";
import { createWatchers } from "./watch.ts";

export interface OpenOptions {
  /**
   * `"sent"`: no header can be written any more (server components, sockets after the upgrade, a
   * streamed body). `load`, `reload` and `update` work, nothing rotates, and what needs a header throws, as
   * `update` of a sealed session does.
   */
  readonly head?: "sent" | undefined;
  /** The outage policy of this request. @default the option of `createSessions` */
  readonly outage?: OutagePolicy | undefined;
}

export interface SweepOptions {
  /** Records per store call. @default 1000 */
  readonly batch?: number | undefined;
}

/** Keeps the sessions of one app. */
export interface Sessions<Data extends object = Record<string, unknown>> {
  /** The handle of a request: synchronous and free; nothing happens until it is asked for something. */
  open(request: RequestLike, options?: OpenOptions): Session<Data>;
  /** The handle that an adapter put on this request or context. @throws {UsageError} when there is none. */
  of(carrier: object): Session<Data>;
  /** Remembers the handle for `of`, where an adapter has no property to put it on. */
  attach(carrier: object, session: Session<Data>): void;
  /** The live sessions of everyone. Sealed ones only where they have moved into the store. */
  list(): AsyncIterable<ListedSession>;
  /** The same of one user. @throws {UsageError} when the user id is absent: that is not everyone. */
  list(userId: string): AsyncIterable<ListedSession>;
  /** Ends one session. @returns false when there was none; true of any sealed one, which nobody can know. */
  revoke(id: string): Promise<boolean>;
  /** Ends all sessions of a user, but for the one that is excepted. */
  revokeUser(userId: string, options?: { readonly except?: string | undefined }): Promise<void>;
  /** Ends every session of the app. @throws {UsageError} where no revocations are kept, as with Memcached. */
  revokeEveryone(): Promise<void>;
  /** Removes what has expired from the store. @returns how many records went. */
  sweep(options?: SweepOptions): Promise<number>;
  /**
   * Tells a listener of an event, from now on. It runs within the request; what it throws fails none, but is
   * an uncaught exception.
   *
   * @returns what takes the listener away.
   * @throws {UsageError} for a name that is not known.
   */
  on<Name extends SessionEvent>(name: Name, listener: SessionListener<Name>): () => void;
  /** Ends timers and watchers and closes the store. */
  close(): Promise<void>;
  /** True in development mode. For adapters. */
  readonly dev: boolean;
}

/** The handle type of an app: `declare module "fastify" { interface FastifyRequest { session: SessionOf<typeof sessions> } }`. */
export type SessionOf<App> = App extends Sessions<infer Data> ? Session<Data> : never;

/**
 * Creates the sessions of an app.
 *
 * @throws {ConfigError} naming the option that cannot work.
 * @example
 * ```ts
 * const sessions = createSessions<{ cart: string[] }>({
 *   secrets: [process.env.SESSION_SECRET!],
 *   store: lmdbStore({ path: "data/sessions" }),
 * });
 * ```
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  options: SessionsOptions<Data>,
): Sessions<Data> {
  const settings = resolveOptions(options);
  const { store, revocations, clock } = settings;
  const events = createEmitter();
  const calls = createStoreCalls(store?.name ?? "revocations", settings.storeDeadline, events);
  const watchers = createWatchers(settings.watchInterval, clock);
  const mirror =
    revocations &&
    createMirror(
      revocations,
      calls,
      settings.revocationDelay,
      settings.storeDeadline,
      ({ kind, id }) => {
        // Stored sessions have a store that tells; for sealed ones the feed is all there is.
        if (settings.method !== "stored") watchers.look(kind, id);
      },
    );
  const shape = createShape(settings);
  const core: Core = { settings, calls, mirror, events, shape, closed: watchers.closed };
  const storedCore: StoredCore | undefined = store && {
    ...core,
    store,
    memo: createMemo(),
    everyoneAt: mirror === undefined ? () => undefined : mirror.everyoneAt,
  };
  const stored = storedCore && createStored(storedCore);
  const method =
    settings.share !== undefined
      ? createShared(core, settings.share)
      : settings.method === "stored"
        ? (stored as Method)
        : createSealed(core, settings.overflow === "store" ? stored : undefined);
  const admin = createAdmin(core, storedCore);
  let unwatch: (() => void) | undefined;
  const handles = createHandles({
    core,
    method,
    revokeOthers: admin.revokeUser,
    keepCap: admin.keepCap,
    watch(id, userId, expiresAt, look, stop) {
      unwatch ??= store?.watch?.(({ kind, id: changed }) => watchers.look(kind, changed));
      return watchers.watch(id, userId, expiresAt, look, stop);
    },
  });
  const attached = new WeakMap<object, Session<Data>>();

  return {
    dev: settings.dev,
    open(request, options) {
      checkOptions("open", options, OPEN);
      const { head, outage = settings.outage } = options ?? NO_OPTIONS;
      return handles.open(request, head === "sent", outage) as unknown as Session<Data>;
    },
    attach(carrier, session) {
      attached.set(carrier, session);
    },
    of(carrier) {
      const isObject = typeof carrier === "object" && carrier !== null;
      const session = isObject ? (attached.get(carrier) ?? carriedBy(carrier)) : undefined;
      if (handles.owns(session)) return session as unknown as Session<Data>;
      throw new UsageError(
        "there is no session of this app on the given object: install the adapter before the handler",
      );
    },
    list(...userIds: [] | [string]) {
      const [userId] = userIds;
      // A forgotten user id must not mean everyone.
      if (userIds.length > 0) checkUserId("list", userId);
      return admin.list(userId);
    },
    revoke: admin.revoke,
    async revokeUser(userId, options) {
      checkOptions("revokeUser", options, { except: [] });
      await admin.revokeUser(userId, options?.except);
    },
    revokeEveryone: admin.revokeEveryone,
    async sweep(options) {
      checkOptions("sweep", options, { batch: [] });
      const { batch = 1000 } = options ?? NO_OPTIONS;
      if (Number.isSafeInteger(batch) && batch >= 1) return admin.sweep(batch);
      throw new UsageError("sweep takes a whole number of records per call: { batch: 1000 }");
    },
    on: events.on,
    async close() {
      unwatch?.();
      watchers.close();
      stored?.close();
      await store?.close();
    },
  };
}

const NO_OPTIONS: OpenOptions & SweepOptions = {};
const OPEN = { head: ["sent"], outage: POLICY } as const;

/** `req.session`, `ctx.session`, or `c.get("session")`. */
function carriedBy(carrier: object): unknown {
  const { session, get } = carrier as { session?: unknown; get?: unknown };
  if (session !== undefined || typeof get !== "function") return session;
  return (carrier as { get(name: string): unknown }).get("session");
}
