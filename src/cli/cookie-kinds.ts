/**
 * Which library's session cookie a value looks like, and how it is verified.
 *
 * @module
 */

import { decodeSealed } from "../core/sealed-text.ts";
import { openAuthJsToken } from "../interop/auth-js.ts";
import { beakerCookie } from "../interop/beaker.ts";
import { cookieSession } from "../interop/cookie-session.ts";
import { djangoCookie } from "../interop/django.ts";
import { readSidCookie } from "../interop/express-session.ts";
import { openSecureCookie } from "../interop/fastify-secure-session.ts";
import { readSidCookie as readFastifySid } from "../interop/fastify-session.ts";
import { flaskCookie } from "../interop/flask.ts";
import { openH3Seal } from "../interop/h3.ts";
import { openSeal } from "../interop/iron-session.ts";
import { openEncryptedCookie } from "../interop/rails.ts";
import { readSignedCookie } from "../interop/react-router.ts";
import type { ForeignSession, ForeignSource, Refused } from "../interop/source.ts";
import { isRefused } from "../interop/source.ts";
import { createKeyRing } from "../token/key-ring.ts";
import { unseal } from "../token/seal.ts";
import { openTicket } from "../token/ticket.ts";

/** What a verified cookie says. */
export interface Verified {
  /** Lines of "name: value" about the session. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What it holds; absent where the data lies in a store. */
  readonly data?: unknown;
}

/** What is known of a cookie besides its value. */
export interface CookieCase {
  readonly name: string | undefined;
  readonly value: string;
  /** The other cookies of the line that was given, by name: signatures that stand apart. */
  readonly others: ReadonlyMap<string, string>;
  readonly secrets: readonly string[];
  readonly app: string;
  readonly now: number;
}

export interface CookieKind {
  readonly kind: string;
  /** Who can read it, and where the data is. */
  readonly about: string;
  /** The cookie's name where the app has not changed it. */
  readonly usualName?: string;
  looks(value: string): boolean;
  /** Why it is none, or what it says. Throws for secrets that cannot be any. */
  verify(cookie: CookieCase): Promise<Verified | Refused>;
}

const DAY = 86_400_000;
const LONGEST = 400 * DAY;
const OWN_NAME = "__Host-Http-sid";

const SIGNED = "Signed, not encrypted: whoever has it can read it. The data is in it.";
const SEALED = "Encrypted: the data is in it.";
const NAMES = "Only names a session: the data is in a store.";

/** Every kind that is told apart, the more particular first. */
export const KINDS: readonly CookieKind[] = [
  {
    kind: "coatcheck ticket",
    about: NAMES,
    usualName: OWN_NAME,
    looks: (value) => /^A[Q-Za-f][\w-]{74}$/.test(value),
    async verify(cookie) {
      const opened = openTicket(ringOf(cookie), cookie.value);
      return typeof opened === "string" ? notOurs(opened) : { facts: { "session id": opened.id } };
    },
  },
  {
    kind: "coatcheck seal",
    about: SEALED,
    usualName: OWN_NAME,
    looks: (value) => /^A[g-v][\w-]{60,}$/.test(value),
    async verify(cookie) {
      const opened = await unseal(ringOf(cookie), cookie.value, cookie.now, LONGEST);
      if (typeof opened === "string") return notOurs(opened);
      const kept = decodeSealed(opened.body);
      if (kept === undefined) return refusal("malformed", "it is not of this version");
      const { record, content } = kept;
      const data = Object.fromEntries([...content.data].map(([key, cell]) => [key, cell.json]));
      return {
        facts: {
          "session id": record.id,
          user: record.userId,
          created: moment(content.createdAt),
          "last seen": moment(record.lastSeenAt),
          ends: moment(Math.min(record.expiresAt, content.endsAt)),
        },
        data,
      };
    },
  },
  {
    kind: "coatcheck chunk",
    about:
      "One part of a sealed session: give the whole `Cookie` line to an app, or look at its first part.",
    looks: (value) => /^A[w-z0-9_-][\w-]{60,}$/.test(value),
    verify: async () => refusal("unsupported", "one part alone cannot be verified"),
  },
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
    kind: "express-session",
    about: NAMES,
    usualName: "connect.sid",
    looks: (value) => /^s(?::|%3A)/i.test(value),
    async verify({ value, secrets }) {
      const opened = readSidCookie(value, secrets);
      return isRefused(opened)
        ? opened
        : { facts: { "signed by secret number": opened.keyIndex + 1 } };
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
    kind: "Django, signed cookie",
    about: SIGNED,
    usualName: "sessionid",
    looks: (value) => /^"?\.?[\w-]+:[\w-]{5,7}:[\w-]{27,86}"?$/.test(value),
    verify: (cookie) =>
      bySource(djangoCookie({ secrets: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "Flask",
    about: SIGNED,
    usualName: "session",
    looks: (value) => /^\.?[\w-]+\.[\w-]{4,7}\.[\w-]{27,86}$/.test(value),
    verify: (cookie) =>
      bySource(flaskCookie({ secrets: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "Beaker, in the cookie",
    about: SIGNED,
    usualName: "beaker.session.id",
    looks: (value) => /^"?[0-9a-f]{40}[\w+/=-]{20,}"?$/.test(value) && value.length > 80,
    verify: (cookie) =>
      bySource(beakerCookie({ validateKeys: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "React Router or Remix",
    about: SIGNED,
    usualName: "__session",
    looks: (value) => /^eyJ[\w%=+/-]*\.[\w%=+/-]{43,}$/.test(value),
    async verify({ value, secrets }) {
      const opened = readSignedCookie(value, secrets);
      return isRefused(opened) ? opened : { facts: {}, data: opened.json };
    },
  },
  {
    kind: "cookie-session",
    about: `${SIGNED} Its signature is the cookie of the same name with \`.sig\`.`,
    usualName: "session",
    looks: (value) => /^eyJ[\w+/=-]*$/.test(value),
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
      const opened = readFastifySid(value, secrets);
      return isRefused(opened)
        ? opened
        : { facts: { "signed by secret number": opened.keyIndex + 1 } };
    },
  },
];

function ringOf({ secrets, app, name = OWN_NAME }: CookieCase) {
  return createKeyRing({ secrets, app, cookieName: name });
}

function notOurs(reason: "malformed" | "forged" | "unknown-key" | "expired"): Refused {
  if (reason === "unknown-key") return refusal("forged", "none of the secrets has made it");
  const problem =
    reason === "forged"
      ? "the secret is right; the cookie's name, the app or a character is not"
      : reason;
  return refusal(reason, problem);
}

function refusal(refused: Refused["refused"], problem: string): Refused {
  return { refused, problem };
}

function named({ name }: CookieCase): { readonly cookieName?: string } {
  return name === undefined ? {} : { cookieName: name };
}

async function bySource(source: ForeignSource, cookie: CookieCase): Promise<Verified | Refused> {
  const { name, value, others, now } = cookie;
  const opened = await source.open(
    (asked) => (asked === (name ?? source.cookieNames[0]) ? value : others.get(asked)),
    now,
  );
  return "refused" in opened ? opened : { facts: factsOf(opened), data: opened.data };
}

function factsOf({ userId, createdAt, lastSeenAt, expiresAt }: ForeignSession) {
  return {
    user: userId,
    created: moment(createdAt),
    "last written": moment(lastSeenAt),
    ...ends(expiresAt),
  };
}

/** JWT's `exp`, in seconds (RFC 7519 §4.1.4). */
function endOf({ exp }: Readonly<Record<string, unknown>>): number | undefined {
  return typeof exp === "number" ? exp * 1000 : undefined;
}

function ends(at: number | undefined): Readonly<Record<string, unknown>> {
  return { ends: moment(at) };
}

function moment(at: number | undefined): string | undefined {
  return at === undefined || !Number.isFinite(at) ? undefined : new Date(at).toISOString();
}
