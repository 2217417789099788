/**
 * What Django's session engines have in common.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { Duration } from "../../lib/duration.ts";
import { flagOption, textOption } from "../options.ts";
import type {
  ForeignAttributes,
  ForeignCookie,
  ForeignDraft,
  ForeignSession,
  ForeignSource,
} from "../source.ts";
import { authKeys, checkAuthHash } from "./django-auth.ts";
import type { ReadLimits } from "./limits.ts";
import { refuse } from "./refusal.ts";
import {
  cookieOf,
  cookieOptions,
  dataWithUser,
  defined,
  deletionOf,
  durationOption,
  userUnder,
} from "./source-parts.ts";
import type { TextOrBytes } from "./web-crypto.ts";

/** What Django's session engines have in common. */
export interface DjangoOptions {
  /** `SECRET_KEY`, then those of `SECRET_KEY_FALLBACKS`: the first makes, every one opens. */
  readonly secrets: readonly TextOrBytes[];
  /** `SESSION_COOKIE_NAME`. @default "sessionid" */
  readonly cookieName?: string;
  /** `SESSION_COOKIE_AGE`. @default "14d" */
  readonly cookieAge?: Duration;
  /** `SESSION_EXPIRE_AT_BROWSER_CLOSE`. @default false */
  readonly expireAtBrowserClose?: boolean;
  /**
   * The `password` column of a user: the hash, not the password. With it a session is refused whose user
   * has got another password, and one that is written is taken by Django. Without it Django signs everyone
   * out who was signed in here.
   */
  readonly passwordHash?: (userId: string) => Promise<string | undefined>;
  /** `_auth_user_backend` of sessions that are signed in here. @default Django's `ModelBackend` */
  readonly authBackend?: string;
  readonly attributes?: Partial<ForeignAttributes>;
  readonly limits?: ReadLimits;
}

/** The names of {@link DjangoOptions}. */
export const DJANGO = [
  "secrets",
  "cookieName",
  "cookieAge",
  "expireAtBrowserClose",
  "passwordHash",
  "authBackend",
  "attributes",
  "limits",
] as const;

const ATTRIBUTES = { path: "/", secure: false, httpOnly: true, sameSite: "lax" } as const;
const USER_KEY = "_auth_user_id";
const DJANGO_KEYS = [USER_KEY, "_auth_user_backend", "_auth_user_hash", "_session_expiry"];

/**
 * When a session ends that was changed then, by `_session_expiry` of `set_expiry`: seconds after its last
 * change, 0 with the browser (the usual age on the server), or a moment.
 */
export function endOf(
  data: Record<string, unknown>,
  changedAt: number | undefined,
  age: number,
): number | undefined {
  const expiry = Object.hasOwn(data, "_session_expiry") ? data["_session_expiry"] : undefined;
  if (expiry instanceof Date) return expiry.getTime();
  if (typeof expiry === "string") {
    // Without a zone it is UTC here; Django takes it in the zone of the app.
    const moment = Date.parse(/[Z+]|-\d\d:\d\d$/.test(expiry.slice(10)) ? expiry : `${expiry}Z`);
    return Number.isNaN(moment) ? refuse("malformed", "has an end that is none") : moment;
  }
  if (changedAt === undefined) return undefined;
  // Also seconds below 0, with which an app ends a session: only 0 and nothing are the usual age.
  return changedAt + (typeof expiry === "number" && expiry !== 0 ? expiry * 1000 : age);
}

/** What both kinds of engine do with data and cookies. */
export interface DjangoParts {
  readonly cookieName: string;
  /** Milliseconds. */
  readonly age: number;
  readonly source: Pick<
    ForeignSource,
    "name" | "cookieNames" | "cookieAt" | "attributes" | "reserved" | "deletion"
  >;
  cookie(text: string, data: Record<string, unknown>, now: number): ForeignCookie;
  draftData(draft: ForeignDraft): Promise<Record<string, unknown>>;
  session(
    data: Record<string, unknown>,
    rest: {
      readonly identity: string;
      readonly recordKey?: string;
      readonly origin?: unknown;
      readonly lastSeenAt?: number | undefined;
      readonly expiresAt?: number | undefined;
    },
  ): Promise<ForeignSession>;
}

/** @throws {ConfigError} when an option cannot work. */
export function djangoParts(name: string, options: DjangoOptions): DjangoParts {
  const { cookieName, attributes } = cookieOptions(options, "sessionid", ATTRIBUTES);
  const expireAtBrowserClose = flagOption(
    "expireAtBrowserClose",
    options.expireAtBrowserClose,
    false,
  );
  const age = durationOption("cookieAge", options.cookieAge, "14d");
  if (options.passwordHash !== undefined && typeof options.passwordHash !== "function") {
    throw new ConfigError("passwordHash", "must be a function");
  }
  textOption("authBackend", options.authBackend, "");

  return {
    cookieName,
    age,
    source: {
      name,
      cookieNames: [cookieName],
      cookieAt: -1,
      attributes,
      reserved: DJANGO_KEYS,
      deletion: deletionOf(cookieName, attributes),
    },

    cookie(text, data, now) {
      const expiresAt = isPersistent(data) ? (endOf(data, now, age) ?? now + age) : undefined;
      return cookieOf(cookieName, text, attributes, expiresAt);
    },

    async draftData(draft) {
      const { userId } = draft;
      const isKnown = userId === undefined || userUnder(draft.data, USER_KEY) === userId;
      const keys = isKnown ? {} : await authKeys(userId, options);
      const data = dataWithUser(draft, USER_KEY, () => keys);
      if (draft.persistent === false && isPersistent(data)) data["_session_expiry"] = 0;
      if (draft.persistent === true && !isPersistent(data)) {
        data["_session_expiry"] = Math.ceil(age / 1000);
      }
      return data;
    },

    async session(data, rest) {
      const userId = userUnder(data, USER_KEY);
      if (userId !== undefined) await checkAuthHash(userId, data, options);
      const persistent = isPersistent(data);
      return defined({ ...rest, data, userId, persistent, cookieNames: [cookieName] });
    },
  };

  function isPersistent(data: Record<string, unknown>): boolean {
    const expiry = Object.hasOwn(data, "_session_expiry") ? data["_session_expiry"] : undefined;
    return expiry === undefined || expiry === null ? !expireAtBrowserClose : expiry !== 0;
  }
}
