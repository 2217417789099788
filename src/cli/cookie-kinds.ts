/**
 * Which library's session cookie a value looks like, and how it is verified.
 *
 * @module
 */

import { chunkNames, wholeSeals } from "../cookie/chunks.ts";
import { decodeSealed, ID_LENGTH } from "../core/sealed-text.ts";
import type { Refused } from "../interop/source.ts";
import { isRefused } from "../interop/source.ts";
import { createKeyRing } from "../token/key-ring.ts";
import { unseal } from "../token/seal.ts";
import { openTicket } from "../token/ticket.ts";
import type { CookieCase, CookieKind, Verified } from "./cookie-kind.ts";
import { moment, NAMES, refusal, SEALED } from "./cookie-kind.ts";
import { JS_KINDS } from "./cookie-kinds-js.ts";
import { PYTHON_KINDS } from "./cookie-kinds-python.ts";

const DAY = 86_400_000;
const LONGEST = 400 * DAY;
const OWN_NAME = "__Host-Http-sid";

const OWN_KINDS: readonly CookieKind[] = [
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
    verify: verifySeal,
  },
  {
    kind: "coatcheck chunk",
    about: "One part of a sealed session, encrypted: the others are beside it.",
    looks: (value) => /^A[w-z0-9_-][\w-]{60,}$/.test(value),
    async verify(cookie) {
      const name = cookie.name?.replace(/-[123]$/, "") ?? OWN_NAME;
      const parts = chunkNames(name).map((each, index) => {
        const value = cookie.others.get(each);
        return { index, values: value === undefined ? [] : [value] };
      });
      const [value] = wholeSeals(parts);
      if (value === undefined) {
        return refusal("malformed", "its other parts are missing: give the whole `Cookie` line");
      }
      const verified = await verifySeal({ ...cookie, name, value });
      return cookie.name === name || isRefused(verified)
        ? verified
        : { facts: { "part of": name } };
    },
  },
];

async function verifySeal(cookie: CookieCase): Promise<Verified | Refused> {
  const opened = await unseal(ringOf(cookie), cookie.value, cookie.now, LONGEST);
  if (typeof opened === "string") return notOurs(opened);
  const kept = decodeSealed(opened.body);
  if (kept === undefined) {
    const isUse = cookie.name?.endsWith("-seen") === true;
    return isUse ? lastUse(opened.body) : refusal("malformed", "it is not of this version");
  }
  const { record, content } = kept;
  const data = Object.fromEntries(content.data.map((cell, key) => [key, cell.json]));
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
}

/** The small cookie beside a sealed session. */
function lastUse(body: string): Verified {
  const [seenAt, expiresAt] = JSON.parse(body.slice(ID_LENGTH)) as [number, number];
  return {
    facts: {
      "session id": body.slice(0, ID_LENGTH),
      "last seen": moment(seenAt),
      ends: moment(expiresAt),
    },
  };
}

/** Ids that nobody signs, and that several libraries have: looked for last. */
const UNSIGNED: CookieKind = {
  kind: "an id without a signature",
  about: `${NAMES} Django, Flask-Session, koa-session and React Router have such.`,
  looks: (value) =>
    /^(?:[a-z0-9]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{43})$/.test(value),
  verify: async () => refusal("unsupported", "only its store knows whether there is one"),
};

/** Every kind that is told apart, the more particular first. */
export const KINDS: readonly CookieKind[] = [...OWN_KINDS, ...PYTHON_KINDS, ...JS_KINDS, UNSIGNED];

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
