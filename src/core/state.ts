/**
 * What one request holds, behind the faces that the app sees.
 *
 * @module
 */

import type { Draft, Handed } from "./changes.ts";
import type { Core } from "./core.ts";
import type { Found, Method, Visit } from "./method.ts";
import type { Kept } from "./record.ts";
import type { LoadedSession, OutagePolicy, SessionInfo } from "./session.ts";
import type { Timeouts } from "./timeouts.ts";
import { deadline } from "./timeouts.ts";
import type { Look } from "./watch.ts";

export interface State extends Visit {
  readonly outage: OutagePolicy;
  /** The loaded session: one object per request. */
  readonly view: LoadedSession;
  /** The cookies were asked for: the answer depends on them. */
  isLooked: boolean;
  /** What the cookies have opened, once that was asked for. */
  found: Found | undefined;
  /** The draft holds the data of what was found. */
  isRead: boolean;
  draft: Draft;
  /** The head's commit has begun: a buffered change could no longer be kept. */
  closing: boolean;
  /** How many calls are under way: calls on one handle run in call order. */
  calls: number;
  /** The last of them. */
  last: Promise<unknown>;
  /** A sign-out has happened. */
  signedOut: boolean;
  /** In development: values that were handed out and have lost their place to newer ones. */
  readonly stale: [key: string, handed: Handed][];
}

/** What the parts of a handle need of the app besides its core. */
export interface Parts {
  readonly core: Core;
  readonly method: Method;
  /** Ends the user's other sessions. */
  readonly revokeOthers: (userId: string, except: string) => Promise<void>;
  /** Keeps a user's sessions under the cap; the newest stays. */
  readonly keepCap: (userId: string, newest: string) => Promise<void>;
  readonly watch: (
    id: string,
    expiresAt: number,
    look: Look,
    stop: AbortSignal | undefined,
  ) => AbortSignal;
}

/** What is known about a kept session besides its data. */
export function describe({ record, content }: Kept, timeouts: Timeouts): SessionInfo {
  const { authentications } = content;
  const until = deadline(timeouts, record.userId, content, record.lastSeenAt);
  return {
    createdAt: content.createdAt,
    lastSeenAt: record.lastSeenAt,
    expiresAt: Math.min(record.expiresAt, until),
    endsAt: content.endsAt,
    authenticatedAt:
      authentications.length === 0 ? undefined : Math.max(...authentications.map(({ at }) => at)),
    // Copies: the content is shared by all requests that read this session.
    authentications: authentications.map((each) => ({ ...each })),
    remembered: content.remembered,
    userAgent: content.userAgent,
    address: content.address,
  };
}

/** The same for a visitor of whom nothing is kept. */
export function describeNew(openedAt: number, { visitor }: Timeouts): SessionInfo {
  return {
    createdAt: openedAt,
    lastSeenAt: openedAt,
    expiresAt: openedAt + visitor.idle,
    endsAt: openedAt + visitor.absolute,
    authenticatedAt: undefined,
    authentications: [],
    remembered: false,
    userAgent: undefined,
    address: undefined,
  };
}
