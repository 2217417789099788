/**
 * What a program can be told about its sessions: for logs, metrics and alarms.
 *
 * An event never carries a ticket, a cookie value, a secret or session data.
 *
 * @module
 */

import type { CoatcheckError } from "../errors.ts";
import { UsageError } from "../errors.ts";
import type { Refusal } from "./session.ts";

interface Named {
  readonly sessionId: string;
  readonly userId: string | undefined;
}

/** Every event and what comes with it. */
export interface SessionEvents {
  /** A visitor's session was written for the first time. A sign-in is `signedIn`, never this. */
  readonly created: Named;
  /** A user signed in or added a proof. `previousId` is the session that it followed. */
  readonly signedIn: Named & {
    readonly userId: string;
    readonly previousId: string | undefined;
    readonly methods: readonly string[];
  };
  readonly signedOut: Named;
  /** A session was ended from elsewhere. `by` says how. */
  readonly revoked: {
    readonly sessionId: string | undefined;
    readonly userId: string | undefined;
    readonly by: "session" | "user" | "everyone" | "cap";
  };
  /** A session got a new ticket secret. */
  readonly rotated: Named;
  /** A replaced ticket secret came back after its grace: the cookie was copied. */
  readonly reuse: Named & { readonly ended: boolean };
  /** A cookie that opened nothing. `sessionId` only where the ticket was genuine. */
  readonly refused: { readonly refusal: Refusal; readonly sessionId: string | undefined };
  /** A live session of another library was taken over. `dropped` are keys whose values cannot be kept. */
  readonly adopted: Named & { readonly source: string; readonly dropped: readonly string[] };
  /** A cookie of another library was not taken over. */
  readonly adoptionRefused: {
    readonly source: string;
    readonly reason: string;
    readonly problem: string;
  };
  /** Another library's session could not be written back or removed. Ours is kept all the same. */
  readonly foreignFailed: {
    readonly source: string;
    readonly operation: "write back" | "remove";
    readonly error: unknown;
  };
  /** Two requests set the same key; the later one won. */
  readonly overwritten: Named & { readonly keys: readonly string[] };
  /** Buffered changes were dropped because the session had ended meanwhile. */
  readonly dropped: Named & { readonly keys: readonly string[] };
  /** A commit failed: nothing of it was kept, and the client got an error unless its head was out. */
  readonly commitFailed: {
    readonly sessionId: string | undefined;
    readonly userId: string | undefined;
    readonly error: unknown;
  };
  /** In development: a value was changed in place after the head was out. */
  readonly lateChange: {
    readonly sessionId: string | undefined;
    readonly userId: string | undefined;
    readonly keys: readonly string[];
  };
  /** A call of the store, or of another library's, failed, or was not answered in time. */
  readonly outage: { readonly operation: string; readonly error: CoatcheckError };
}

export type SessionEvent = keyof SessionEvents;
export type SessionListener<Name extends SessionEvent> = (event: SessionEvents[Name]) => void;

/** Registers and calls listeners. A listener that throws does not disturb the request. */
export interface Emitter {
  on<Name extends SessionEvent>(name: Name, listener: SessionListener<Name>): () => void;
  emit<Name extends SessionEvent>(name: Name, event: SessionEvents[Name]): void;
}

// All of them: a misspelt name would never be heard of again.
const NAMES: Readonly<Record<SessionEvent, true>> = {
  created: true,
  signedIn: true,
  signedOut: true,
  revoked: true,
  rotated: true,
  reuse: true,
  refused: true,
  adopted: true,
  adoptionRefused: true,
  foreignFailed: true,
  overwritten: true,
  dropped: true,
  commitFailed: true,
  lateChange: true,
  outage: true,
};

/** @internal */
export function createEmitter(): Emitter {
  const listeners = new Map<SessionEvent, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      if (!Object.hasOwn(NAMES, name) || typeof listener !== "function") {
        throw new UsageError(`on takes a listener and one of ${Object.keys(NAMES).join(", ")}`);
      }
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => {
        set.delete(listener);
      };
    },
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(event as never);
        } catch (error) {
          // Out of the request, but not out of sight: the process sees it as uncaught.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
