/**
 * What express-session and @fastify/session have in common: a signed id in the cookie, and a record
 * with the cookie's attributes in it.
 *
 * @module
 */

import { encodeBase64url } from "../../lib/base64url.ts";
import { randomBytes } from "../../lib/random.ts";
import type { HmacKey } from "../../lib/sha256.ts";
import type {
  ForeignAttributes,
  ForeignDraft,
  ForeignSession,
  ForeignSource,
  Refused,
  SealedForeign,
} from "../source.ts";
import { isRefused } from "../source.ts";
import { decodeCookieText, encodeCookieText } from "./cookie-text.ts";
import { deletions, foreignCookie } from "./cookies.ts";
import type { ExpressCookie } from "./express-record.ts";
import { cookieEnd, expressContent, expressCookie, expressRecordOf } from "./express-record.ts";
import { own, ownText } from "./own.ts";
import type { RecordAccess } from "./records.ts";
import { refuse } from "./refuse.ts";
import { signText, unsignText } from "./signed-text.ts";
import type { UserField } from "./user.ts";

/** An id whose signature is right. */
export interface SignedId {
  readonly sid: string;
  /** Which of the secrets signed it: 0 is the one that writes. */
  readonly keyIndex: number;
}

export interface SignedIdFormat {
  readonly name: string;
  readonly cookieName: string;
  readonly attributes: ForeignAttributes;
  /** Milliseconds; absent: the cookie ends with the browser. */
  readonly maxAge: number | undefined;
  readonly user: UserField;
  readonly reserved: readonly string[];
  readonly records: RecordAccess;
  /** The first one signs, every one reads. */
  readonly keys: readonly HmacKey[];
  /** Stands before the id. */
  readonly prefix: string;
}

const MAX_VALUE = 4096;

/** The id in a cookie's value, as it stands in the header. */
export function readSignedId(
  value: string,
  { keys, prefix }: Pick<SignedIdFormat, "keys" | "prefix">,
): SignedId | Refused {
  if (value.length > MAX_VALUE) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  if (!text.startsWith(prefix))
    return refuse("malformed", `the cookie does not begin with ${prefix}`);
  const unsigned = unsignText(text.slice(prefix.length), keys);
  if (isRefused(unsigned)) return unsigned;
  if (unsigned.text === "") return refuse("malformed", "the id is empty");
  return { sid: unsigned.text, keyIndex: unsigned.keyIndex };
}

/** The cookie's value for an id. */
export function writeSignedId(
  sid: string,
  { keys, prefix }: Pick<SignedIdFormat, "keys" | "prefix">,
): string {
  return encodeCookieText(prefix + signText(sid, keys[0] as HmacKey));
}

/** Plain data: it may be kept beside a session, and come back as JSON. */
interface Origin extends SignedId {
  readonly cookie: ExpressCookie;
}

// A cookie that a browser keeps a minute longer than it has to is not set anew.
const LEEWAY = 60_000;

/** The source that such a format makes. */
export function signedIdSource(format: SignedIdFormat): ForeignSource {
  const { name, cookieName, attributes, user, reserved, records } = format;

  async function open(
    cookie: (name: string) => string | undefined,
    now: number,
  ): Promise<ForeignSession | Refused> {
    const value = cookie(cookieName);
    if (value === undefined || value === "") return refuse("absent", "there is no cookie");
    const signed = readSignedId(value, format);
    if (isRefused(signed)) return signed;
    const found = await records.read(signed.sid, now);
    if (isRefused(found)) return found;
    const record = expressRecordOf(found.content);
    if (isRefused(record)) return record;
    const { originalMaxAge } = record.cookie;
    const origin: Origin = { ...signed, cookie: record.cookie };
    const userId = user.read(record.data);
    const until = found.expiresAt ?? cookieEnd(record.cookie);
    const age = originalMaxAge ?? records.ttl;
    const lastSeenAt = until !== undefined && age !== undefined ? until - age : undefined;
    // Every request puts the end off by the age, this one too.
    const expiresAt = age === undefined ? found.expiresAt : now + age;
    return {
      data: record.data,
      identity: signed.sid,
      cookieNames: [cookieName],
      recordKey: found.key,
      persistent: record.cookie.expires !== null,
      origin,
      ...(userId === undefined ? {} : { userId }),
      ...(lastSeenAt === undefined || lastSeenAt > now ? {} : { lastSeenAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }

  async function seal(draft: ForeignDraft, now: number): Promise<SealedForeign> {
    const origin = originIn(draft.origin);
    const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
    const age = ageFor(draft, origin, now);
    const expiresAt = age === null ? undefined : (draft.expiresAt ?? now + age);
    const cookie = {
      ...(origin?.cookie ?? expressCookie(attributes, age, expiresAt)),
      expires: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    };
    // Computed from `expires` whenever it is read, and so of no use but to contradict it.
    if ("originalExpires" in cookie) Reflect.deleteProperty(cookie, "originalExpires");
    const sid = origin?.sid ?? encodeBase64url(randomBytes(24));
    const content = expressContent({ cookie, data });
    const fresh = foreignCookie(cookieName, writeSignedId(sid, format), attributes, expiresAt);
    const end = expiresAt ?? draft.expiresAt;
    const recordKey = await records.write(sid, content, end, now);
    const known = origin && cookieEnd(origin.cookie);
    const isRight =
      origin?.keyIndex === 0 &&
      (expiresAt === undefined || (known !== undefined && expiresAt - known < LEEWAY));
    return { cookies: isRight ? [] : [fresh], identity: sid, recordKey };
  }

  function ageFor(draft: ForeignDraft, origin: Origin | undefined, now: number): number | null {
    if (origin !== undefined) return origin.cookie.originalMaxAge;
    if (!(draft.persistent ?? format.maxAge !== undefined)) return null;
    // Of one that is to be remembered the age goes with the end: the next write puts that off by it.
    const isRemembered = draft.persistent === true && draft.expiresAt !== undefined;
    if (format.maxAge !== undefined && !isRemembered) return format.maxAge;
    return Math.max(0, (draft.expiresAt ?? now) - now);
  }

  return {
    name,
    cookieNames: [cookieName],
    attributes,
    reserved,
    endTellsUse: true,
    takesMark: true,
    open,
    seal,
    deletion: (names = [cookieName]) => deletions(names, attributes),
    ...(records.touch !== undefined && {
      async touch({ recordKey, data, origin }: ForeignSession, now: number) {
        const cookie = originIn(origin)?.cookie;
        if (recordKey === undefined || cookie === undefined) return;
        await records.touch?.(recordKey, expressContent({ cookie, data }), now);
      },
    }),
    async remove(session) {
      if (session.recordKey !== undefined) await records.remove(session.recordKey);
    },
  };
}

function originIn(value: unknown): Origin | undefined {
  const sid = ownText(value, "sid");
  const record = expressRecordOf({ cookie: own(value, "cookie") });
  if (sid === undefined || isRefused(record)) return undefined;
  return { sid, keyIndex: own(value, "keyIndex") === 0 ? 0 : 1, cookie: record.cookie };
}
