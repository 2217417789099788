/**
 * The sessions of koa-session 6 and 7: JSON in base64 in the cookie, or an id there and the JSON in the
 * app's store; the signature is in a second cookie.
 *
 * `koa.sess=<base64({…, "_expire": ms, "_maxAge": ms})>` and `koa.sess.sig`. A session that ends with
 * the browser has `"_session": true` in the place of the two.
 *
 * @see https://github.com/koajs/session/blob/v7.0.2/src/context.ts
 * @module
 */

import { ConfigError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "../lib/base64.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { COOKIE, deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import type { JsonObject } from "./js/json.ts";
import { checkedObject, readJsonObject, requireFreeKeys, writeJson } from "./js/json.ts";
import type { KeygripAlgorithm } from "./js/keygrip.ts";
import { keygripHash, readKeygrip, SIGNATURE_SUFFIX, signKeygrip } from "./js/keygrip.ts";
import type { ForeignKeys } from "./js/keys.ts";
import { keyList } from "./js/keys.ts";
import { own, ownText } from "./js/own.ts";
import { refuse } from "./js/refuse.ts";
import type { UserField } from "./js/user.ts";
import { passportUser, userOption } from "./js/user.ts";
import { ageOption, methodsOption, sourceOptions, textOption } from "./options.ts";
import type { ForeignDraft, ForeignSession, ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject } from "./js/json.ts";
export type { KeygripAlgorithm } from "./js/keygrip.ts";
export type { ForeignKey, ForeignKeys } from "./js/keys.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** The part of koa-session's store contract that is used. There is no context to hand to it. */
export interface KoaStore {
  get(key: string, maxAge: number | "session", options: { rolling: boolean }): unknown;
  set(
    key: string,
    session: object,
    maxAge: number | "session",
    options: { rolling: boolean; changed: boolean },
  ): unknown;
  destroy(key: string, options: object): unknown;
}

/** The options that the app gives koa-session, where they are of concern. */
export interface KoaSessionOptions extends ForeignCookieOptions {
  /** The app's `app.keys`. */
  readonly keys: ForeignKeys;
  /** The hash, where `app.keys` is a Keygrip of its own with another one. @default "sha1" */
  readonly algorithm?: KeygripAlgorithm;
  /** The cookie's name. @default "koa.sess" */
  readonly key?: string;
  /** Milliseconds, or until the browser is closed. @default 86400000 (one day) */
  readonly maxAge?: number | "session";
  /** @default the session is in the cookie */
  readonly store?: KoaStore;
  /** Put before the ids of new sessions in a store. @default "" */
  readonly prefix?: string;
  /** Where the data says whose session it is. @default that of koa-passport */
  readonly user?: UserField;
}

const KNOWN = ["keys", "algorithm", "key", "maxAge", "store", "prefix", "user", ...COOKIE] as const;
const THEIRS = [
  "autoCommit",
  "beforeSave",
  "expires",
  "genid",
  "overwrite",
  "priority",
  "renew",
  "rolling",
  "valid",
];
const NOT_SERVED = "leave it out: sessions with it are not served";
const ELSEWHERE = {
  signed: "leave it out: what is not signed is not served, since anyone can write it",
  encode: NOT_SERVED,
  decode: NOT_SERVED,
  externalKey: NOT_SERVED,
  ContextStore: "see `store`",
};

/** What a session of koa-session holds. */
export interface KoaContent {
  /** What the app sees as `ctx.session`. */
  readonly data: JsonObject;
  /** When it ends; absent where it ends with the browser. */
  readonly expiresAt?: number;
  /** Milliseconds from the last write to the end. */
  readonly maxAge: number | "session";
}

const DAY = 86_400_000;
/** A record outlives its cookie by so much. */
const STORE_LEEWAY = 10_000;

/**
 * The sessions of an app with koa-session, for adopting and sharing. Not served: `signed: false`, and
 * the options `encode`, `decode` and `externalKey`.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * koaSession({ keys: app.keys, maxAge: 86_400_000 });
 * ```
 */
export function koaSession(options: KoaSessionOptions): ForeignSource {
  sourceOptions("options", options, KNOWN, THEIRS, ELSEWHERE);
  const { key: name = "koa.sess", algorithm = "sha1", store } = options ?? {};
  const prefix = textOption("prefix", options?.prefix, "");
  const user = userOption(options?.user, passportUser);
  const maxAge =
    options?.maxAge === "session"
      ? "session"
      : ageOption("maxAge", options?.maxAge, "milliseconds", DAY);
  if (store !== undefined) methodsOption("store", store, ["get", "set", "destroy"]);
  const hash = keygripHash(algorithm);
  if (hash === undefined)
    throw new ConfigError("algorithm", "must be sha1, sha256, sha384 or sha512");
  const keygrip = { keys: keyList(options?.keys, "keys"), hash };
  const attributes = foreignAttributes(name, options, {}, { name: "key", group: "" });
  const cookieNames = [name, name + SIGNATURE_SUFFIX];

  async function contentOf(value: string, now: number): Promise<KoaContent | Refused> {
    if (store === undefined) return readKoaValue(value, now);
    const record = await store.get(value, maxAge, { rolling: false });
    if (record === undefined || record === null) return refuse("absent", "there is no such record");
    const checked = checkedObject(record);
    return isRefused(checked) ? checked : takenApart(checked.object, now);
  }

  return {
    name: "koa-session",
    cookieNames,
    attributes,
    reserved: ["passport", "flash"],
    endTellsUse: true,
    takesMark: true,
    // koa-session keeps nothing whose name begins with an underscore.
    noteKey: "coatcheck",

    async open(cookie, now) {
      const signed = await readKeygrip(cookie, name, keygrip);
      if (isRefused(signed)) return signed;
      const content = await contentOf(signed.value, now);
      if (isRefused(content)) return content;
      const { expiresAt } = content;
      const userId = user.read(content.data);
      const lastSeenAt =
        expiresAt === undefined || content.maxAge === "session" ? now : expiresAt - content.maxAge;
      const session: ForeignSession = {
        data: content.data,
        identity: signed.value,
        cookieNames,
        persistent: content.maxAge !== "session",
        origin: { id: signed.value, maxAge: content.maxAge },
        ...(store === undefined ? {} : { recordKey: signed.value }),
        ...(userId === undefined ? {} : { userId }),
        ...(lastSeenAt < now ? { lastSeenAt } : {}),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      return session;
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const isPersistent = draft.persistent ?? maxAge !== "session";
      // A session may have an age of its own, such as that of "remember me".
      const known = own(draft.origin, "maxAge") ?? rememberedFor(draft, now) ?? maxAge;
      const age = typeof known === "number" ? known : DAY;
      // Not every store knows the age "session", koa-redis does not: where the app has given it none, the
      // record ends at a time, and only the cookie with the browser.
      const hasEnd = isPersistent || (store !== undefined && known !== "session");
      const expiresAt = hasEnd ? (draft.expiresAt ?? now + age) : undefined;
      const cookieEnd = isPersistent ? expiresAt : undefined;
      const content: KoaContent = {
        data,
        maxAge: hasEnd ? age : "session",
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      const record = koaRecord(content);
      const id = ownText(draft.origin, "id") ?? prefix + crypto.randomUUID();
      const value = store === undefined ? toValue(record) : id;
      if (store !== undefined) {
        const ttl = expiresAt === undefined ? "session" : expiresAt - now + STORE_LEEWAY;
        await store.set(id, record, ttl, { rolling: false, changed: true });
      }
      const signature = await signKeygrip(name, value, keygrip);
      return {
        // koa-session, too, sets the cookie with every write.
        cookies: [
          foreignCookie(name, value, attributes, cookieEnd),
          foreignCookie(name + SIGNATURE_SUFFIX, signature, attributes, cookieEnd),
        ],
        identity: value,
        ...(store === undefined ? {} : { recordKey: id }),
      };
    },

    deletion: (names = cookieNames) => deletions(names, attributes),

    ...(store !== undefined && {
      async remove({ recordKey }: ForeignSession) {
        if (recordKey !== undefined) await store.destroy(recordKey, {});
      },
    }),
  };
}

/** Of one that is to be remembered the age goes with the end: the next write puts that off by it. */
function rememberedFor(
  { origin, persistent, expiresAt }: ForeignDraft,
  now: number,
): number | undefined {
  const isNew = origin === undefined && persistent === true;
  return isNew && expiresAt !== undefined ? Math.max(0, expiresAt - now) : undefined;
}

/** The session in a cookie's value. Look at it only when the signature is right. */
export function readKoaValue(value: string, now: number): KoaContent | Refused {
  const bytes = decodeBase64(value);
  const text = bytes && utf8Text(bytes);
  if (text === undefined) return refuse("malformed", "the cookie is not base64 of UTF-8");
  const parsed = readJsonObject(text);
  return isRefused(parsed) ? parsed : takenApart(parsed.object, now);
}

/** The cookie's value for a session. @throws {ValueError} for what it cannot hold. */
export function writeKoaValue(content: KoaContent): string {
  return toValue(koaRecord(content));
}

/** What a store keeps of a session. @throws {ValueError} for what it cannot hold. */
export function koaRecord({ data, expiresAt, maxAge }: KoaContent): JsonObject {
  requireFreeKeys(data, (key) => key.startsWith("_") || TAKEN.has(key));
  const own = maxAge === "session" ? { _session: true } : { _expire: expiresAt, _maxAge: maxAge };
  // Checked and copied: a store in memory would keep the very object.
  return JSON.parse(writeJson({ ...data, ...own })) as JsonObject;
}

function toValue(record: JsonObject): string {
  return encodeBase64(utf8(JSON.stringify(record)));
}

function takenApart(object: JsonObject, now: number): KoaContent | Refused {
  const { _expire, _maxAge, _session, ...rest } = object;
  // koa-session keeps nothing for the app whose name begins with an underscore.
  const data = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith("_")));
  if (_session === true) return { data, maxAge: "session" };
  if (typeof _expire !== "number" || typeof _maxAge !== "number") {
    return refuse("malformed", "the session does not say when it ends");
  }
  if (_expire < now) return refuse("expired", "the session's time is over");
  return { data, expiresAt: _expire, maxAge: _maxAge };
}

const TAKEN: ReadonlySet<string> = new Set([
  "commit",
  "externalKey",
  "inspect",
  "isNew",
  "length",
  "manuallyCommit",
  "maxAge",
  "populated",
  "regenerate",
  "save",
  "toJSON",
]);
