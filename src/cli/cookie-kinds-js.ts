/**
 * The session cookies of libraries for Node, and of Rails.
 *
 * @module
 */

import { openAuthJsToken } from "../interop/auth-js.ts";
import { readTokenCookie } from "../interop/better-auth.ts";
import { cookieSession } from "../interop/cookie-session.ts";
import { readSidCookie } from "../interop/express-session.ts";
import { openSecureCookie } from "../interop/fastify-secure-session.ts";
import { readSidCookie as readFastifySid } from "../interop/fastify-session.ts";
import { openH3Seal } from "../interop/h3.ts";
import { openSeal } from "../interop/iron-session.ts";
import { readSessionData } from "../interop/js/better-auth-data.ts";
import { koaSession } from "../interop/koa-session.ts";
import { openEncryptedCookie, openSignedCookie } from "../interop/rails.ts";
import { readSignedCookie } from "../interop/react-router.ts";
import type { Refused } from "../interop/source.ts";
import { isRefused } from "../interop/source.ts";
import type { CookieKind } from "./cookie-kind.ts";
import {
  bySource,
  ends,
  jsonIn,
  moment,
  NAMES,
  refusal,
  SEALED,
  SIGNED,
  signedId,
} from "./cookie-kind.ts";

/** The more particular first. */
export const JS_KINDS: readonly CookieKind[] = [
  {
    kind: "iron-session",
    about: SEALED,
    looks: (value) => value.startsWith("Fe26.2*"),
    async verify({ value, secrets, now }) {
      let last: Refused = refusal("forged", "no secret opens it");
      for (const secret of secrets) {
        const opened = await openSeal(value, secret, now);
        if (!isRefused(opened)) return { facts: ends(opened.expiresAt), data: opened.object };
        last = opened;
      }
      return last;
    },
  },
  {
    kind: "h3",
    about: SEALED,
    usualName: "h3",
    looks: (value) => value.startsWith("Fe26.2*"),
    async verify({ value, secrets, now }) {
      let last: Refused = refusal("forged", "no secret opens it");
      for (const secret of secrets) {
        for (const version of [2, 1] as const) {
          const opened = await openH3Seal(value, secret, now, version);
          if (isRefused(opened)) last = opened;
          else {
            return { facts: { created: moment(opened.createdAt) }, data: opened.data };
          }
        }
      }
      return last;
    },
  },
  {
    kind: "Auth.js",
    about: SEALED,
    usualName: "__Secure-authjs.session-token",
    looks: (value) => /^eyJ[\w-]*\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(value),
    async verify({ value, secrets, name, now }) {
      let last: Refused = refusal("forged", "no secret opens it");
      for (const version of [5, 4] as const) {
        const base = version === 4 ? "next-auth.session-token" : "authjs.session-token";
        for (const cookieName of name === undefined ? [base, `__Secure-${base}`] : [name]) {
          const opened = await openAuthJsToken(
            value,
            { secret: secrets, cookieName, version },
            now,
          );
          if (isRefused(opened)) last = opened;
          else return { facts: ends(endOf(opened.claims)), data: opened.claims };
        }
      }
      return last;
    },
  },
  {
    kind: "Better Auth, token",
    about: NAMES,
    usualName: "better-auth.session_token",
    looks: (value) => /^[A-Za-z0-9]{32}\.[\w%+/]{42,}(?:=|%3D)$/i.test(value),
    async verify({ value, secrets }) {
      return signedId(readTokenCookie(value, secrets));
    },
  },
  {
    kind: "Better Auth, cache",
    about: "Signed or encrypted: a copy of the row in the database.",
    usualName: "better-auth.session_data",
    looks: (value) => isCompact(value) || /^eyJ[\w-]*\.(?:\.[\w-]+\.)?[\w-]+\.[\w-]+$/.test(value),
    async verify({ value, secrets, now }) {
      let last: Refused = refusal("forged", "no secret opens it");
      for (const strategy of ["compact", "jwt", "jwe"] as const) {
        const opened = await readSessionData(value, strategy, secrets, now);
        if (isRefused(opened)) last = opened;
        else {
          const { session, user, expiresAt } = opened;
          return { facts: ends(expiresAt), data: { session: withoutToken(session), user } };
        }
      }
      return last;
    },
  },
  {
    kind: "Rails, encrypted",
    about: SEALED,
    looks: (value) => /^[^-]+(?:--|%2D%2D)[^-]+(?:--|%2D%2D)[^-]+$/.test(value),
    async verify({ value, secrets, name, now }) {
      if (name === undefined) return refusal("unsupported", "its name is needed: name=value");
      const opened = await openEncryptedCookie(value, { secretKeyBase: secrets, name }, now);
      return isRefused(opened) ? opened : { facts: ends(opened.expiresAt), data: opened.json };
    },
  },
  {
    kind: "Rails, signed",
    about: SIGNED,
    looks: (value) => /^[\w+/=%]+--[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(value),
    async verify({ value, secrets, name, now }) {
      if (name === undefined) return refusal("unsupported", "its name is needed: name=value");
      const digest = value.length - value.lastIndexOf("--") > 50 ? "sha256" : "sha1";
      const options = { secretKeyBase: secrets, name, digest } as const;
      const opened = await openSignedCookie(value, options, now);
      return isRefused(opened) ? opened : { facts: ends(opened.expiresAt), data: opened.json };
    },
  },
  {
    kind: "express-session",
    about: NAMES,
    usualName: "connect.sid",
    looks: (value) => /^s(?::|%3A)/i.test(value),
    async verify({ value, secrets }) {
      return signedId(readSidCookie(value, secrets));
    },
  },
  {
    kind: "@fastify/secure-session",
    about: SEALED,
    looks: (value) => /^[\w+/=%-]+(?:;|%3B)[\w+/=%-]+$/i.test(value),
    async verify({ value, secrets }) {
      const opened = openSecureCookie(value, secrets);
      if (isRefused(opened)) return opened;
      return { facts: { written: moment(opened.writtenAt) }, data: opened.data };
    },
  },
  {
    kind: "React Router or Remix",
    about: SIGNED,
    usualName: "__session",
    looks: (value) => /^(?:eyJ|I)[\w%=+/-]*\.[\w%=+/-]{43,}$/.test(value),
    async verify({ value, secrets }) {
      const opened = readSignedCookie(value, secrets);
      return isRefused(opened) ? opened : { facts: {}, data: opened.json };
    },
  },
  {
    kind: "koa-session",
    about: `${SIGNED} Its signature is the cookie of the same name with \`.sig\`.`,
    usualName: "koa.sess",
    looks: isKoas,
    verify: (cookie) =>
      bySource(
        koaSession({ keys: cookie.secrets, ...(cookie.name && { key: cookie.name }) }),
        cookie,
      ),
  },
  {
    kind: "cookie-session",
    about: `${SIGNED} Its signature is the cookie of the same name with \`.sig\`.`,
    usualName: "session",
    looks: (value) => /^eyJ[\w+/=-]*$/.test(value) && !isKoas(value) && !isCompact(value),
    verify: (cookie) =>
      bySource(
        cookieSession({ keys: cookie.secrets, ...(cookie.name && { name: cookie.name }) }),
        cookie,
      ),
  },
  {
    kind: "@fastify/session",
    about: NAMES,
    usualName: "sessionId",
    looks: (value) => /^[\w-]{32,}\.[\w%+/=-]{43,}$/.test(value),
    async verify({ value, secrets }) {
      return signedId(readFastifySid(value, secrets));
    },
  },
];

/** What koa-session adds to what is in the session. */
function isKoas(value: string): boolean {
  const json = /^eyJ[\w+/=-]*$/.test(value) ? jsonIn(value) : undefined;
  return json !== undefined && ("_expire" in json || "_session" in json);
}

function isCompact(value: string): boolean {
  const json = /^eyJ[\w+/=%-]*$/.test(value) ? jsonIn(value) : undefined;
  return json !== undefined && "session" in json && "signature" in json;
}

/** With the token of the row one could sign in as its user, to whoever knows the secret. */
function withoutToken(row: Readonly<Record<string, unknown>>): object {
  return "token" in row ? { ...row, token: "[hidden]" } : row;
}

/** JWT's `exp`, in seconds (RFC 7519 §4.1.4). */
function endOf({ exp }: Readonly<Record<string, unknown>>): number | undefined {
  return typeof exp === "number" ? exp * 1000 : undefined;
}
