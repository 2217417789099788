/**
 * The sessions of React Router 7 and 8 and of Remix 1 and 2: JSON, signed, in the cookie, or an id there
 * and the rest in the app's own storage.
 *
 * The cookie is `encodeURIComponent(base64(JSON) + "." + base64(HMAC-SHA-256(secret, …)))`, the second
 * base64 without `=`. Nothing in it says when it ends. `session.flash(name, …)` keeps its values under
 * `__flash_<name>__`.
 *
 * @see https://github.com/remix-run/react-router/blob/react-router%407.9.0/packages/react-router/lib/server-runtime/cookies.ts
 * @module
 */

import { ConfigError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "../lib/base64.ts";
import { utf8, utf8Text } from "../lib/bytes.ts";
import { decodeCookieText, encodeCookieText } from "./js/cookie-text.ts";
import type { ForeignCookieOptions } from "./js/cookies.ts";
import { deletions, foreignAttributes, foreignCookie } from "./js/cookies.ts";
import type { JsonObject, Parsed } from "./js/json.ts";
import { checkedObject, readJsonValue, writeJson } from "./js/json.ts";
import { keyList } from "./js/keys.ts";
import { own, ownText } from "./js/own.ts";
import { refuse } from "./js/refuse.ts";
import { hmacKeys, signText, unsignText } from "./js/signed-text.ts";
import type { UserField } from "./js/user.ts";
import { noUser, userOption } from "./js/user.ts";
import { ageOption, methodsOption, sourceOptions } from "./options.ts";
import type { ForeignDraft, ForeignSession, ForeignSource, Refused } from "./source.ts";
import { isRefused } from "./source.ts";

export type { ForeignCookieOptions } from "./js/cookies.ts";
export type { JsonObject, Parsed } from "./js/json.ts";
export type { UserField } from "./js/user.ts";
export { noUser, passportUser, userAt } from "./js/user.ts";
export * from "./source.ts";

/** What the app gives `createSessionStorage`; `createFileSessionStorage` and its like have their own. */
export interface ReactRouterStorage {
  createData(data: never, expires?: Date): Promise<string>;
  readData(id: string): Promise<unknown>;
  updateData(id: string, data: never, expires?: Date): Promise<void>;
  deleteData(id: string): Promise<void>;
}

const KNOWN = ["secrets", "name", "cookie", "storage", "user"] as const;
const STORAGE = ["createData", "readData", "updateData", "deleteData"];

/** The app's cookie options, where they are of concern. */
export interface ReactRouterOptions {
  /** The app's `cookie.secrets`: the first one signs. Unsigned sessions are not read. */
  readonly secrets: readonly string[];
  /** @default "__session" */
  readonly name?: string;
  readonly cookie?: ForeignCookieOptions & {
    /** Seconds. @default the cookie ends with the browser */
    readonly maxAge?: number;
  };
  /** @default the session is in the cookie (`createCookieSessionStorage`) */
  readonly storage?: ReactRouterStorage;
  /** Where the data says whose session it is, such as `userAt("userId")`. @default nowhere */
  readonly user?: UserField;
}

/**
 * The sessions of an app with React Router or Remix, for adopting and sharing.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * reactRouterSession({ secrets: [process.env.SECRET], user: userAt("userId") });
 * ```
 */
export function reactRouterSession(options: ReactRouterOptions): ForeignSource {
  const {
    name = "__session",
    cookie,
    storage,
    ...given
  } = sourceOptions("options", options, KNOWN);
  const secrets = checkedSecrets(given.secrets);
  const user = userOption(given.user, noUser);
  if (storage !== undefined) methodsOption("storage", storage, STORAGE);
  const attributes = foreignAttributes(name, cookie, { sameSite: "lax", httpOnly: false });
  const maxAge = ageOption("cookie.maxAge", cookie?.maxAge, "seconds", undefined);

  async function contentOf(json: unknown): Promise<Parsed | Refused> {
    if (storage === undefined) return checkedObject(json);
    if (typeof json !== "string" || json === "")
      return refuse("malformed", "the cookie holds no id");
    const data = await storage.readData(json);
    return data === null || data === undefined
      ? refuse("absent", "there is no such record")
      : checkedObject(data);
  }

  async function identityFor(draft: ForeignDraft, data: JsonObject, until: number | undefined) {
    if (storage === undefined) return undefined;
    const expires = until === undefined ? undefined : new Date(until);
    const id = ownText(draft.origin, "identity");
    if (id === undefined) return await storage.createData(data as never, expires);
    await storage.updateData(id, data as never, expires);
    return id;
  }

  return {
    name: "react-router",
    cookieNames: [name],
    attributes,
    reserved: [],
    takesMark: storage !== undefined,

    async open(read) {
      const value = read(name);
      if (value === undefined || value === "") return refuse("absent", "there is no cookie");
      const signed = openWith(value, secrets);
      if (isRefused(signed)) return signed;
      const content = await contentOf(signed.json);
      if (isRefused(content)) return content;
      const identity = storage === undefined ? value : String(signed.json);
      const userId = user.read(content.object);
      const origin: Origin = { identity, keyIndex: signed.keyIndex, text: value };
      return {
        data: content.object,
        identity,
        cookieNames: [name],
        persistent: maxAge !== undefined,
        origin,
        ...(storage === undefined ? { isAmbiguous: true } : { recordKey: identity }),
        ...(userId === undefined ? {} : { userId }),
      };
    },

    async seal(draft, now) {
      const data = draft.userId === undefined ? draft.data : user.write(draft.data, draft.userId);
      const json = JSON.parse(writeJson(data)) as JsonObject;
      const isPersistent = draft.persistent ?? maxAge !== undefined;
      const standard = maxAge === undefined ? undefined : now + maxAge * 1000;
      const until = draft.expiresAt ?? standard;
      const id = await identityFor(draft, json, until);
      const value = makeWith(id ?? json, secrets);
      const expiresAt = isPersistent ? until : undefined;
      const isKept = own(draft.origin, "keyIndex") === 0 && own(draft.origin, "text") === value;
      const isRight = isKept && expiresAt === undefined;
      const cookies = isRight ? [] : [foreignCookie(name, value, attributes, expiresAt)];
      return { cookies, identity: id ?? value, ...(id === undefined ? {} : { recordKey: id }) };
    },

    deletion: (names = [name]) => deletions(names, attributes),

    ...(storage !== undefined && {
      async remove({ recordKey }: ForeignSession) {
        if (recordKey !== undefined) await storage.deleteData(recordKey);
      },
    }),
  };
}

/** What a cookie's value holds, as it stands in the header: the data, or an id. */
export interface SignedJson {
  readonly json: unknown;
  /** Which of the secrets signed it: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** Reads a cookie that `createCookie` of React Router or Remix made with secrets. */
export function readSignedCookie(value: string, secrets: readonly string[]): SignedJson | Refused {
  return openWith(value, checkedSecrets(secrets));
}

/** The cookie's value for some JSON. @throws {ValueError} for what JSON lacks. */
export function writeSignedCookie(json: unknown, secrets: readonly string[]): string {
  return makeWith(json, checkedSecrets(secrets));
}

interface Origin {
  readonly identity: string;
  readonly keyIndex: number;
  readonly text: string;
}

type Secrets = ReturnType<typeof hmacKeys>;

function openWith(value: string, secrets: Secrets): SignedJson | Refused {
  // In percent-encoding a character may take three.
  if (value.length > MAX_VALUE * 3) return refuse("too-large", "the cookie is too long");
  const text = decodeCookieText(value);
  if (text === undefined) return refuse("malformed", "the cookie's percent-encoding is broken");
  const signed = unsignText(text, secrets);
  if (isRefused(signed)) return signed;
  const bytes = decodeBase64(signed.text);
  const content = bytes && utf8Text(bytes);
  if (content === undefined) return refuse("malformed", "the cookie is not base64 of UTF-8");
  const read = readJsonValue(content);
  return isRefused(read) ? read : { json: read.value, keyIndex: signed.keyIndex };
}

function makeWith(json: unknown, secrets: Secrets): string {
  const text = encodeBase64(utf8(writeJson(json)));
  return encodeCookieText(signText(text, secrets[0] as Secrets[number]));
}

function checkedSecrets(secrets: readonly string[]): Secrets {
  if (!Array.isArray(secrets)) throw new ConfigError("secrets", "must be a list");
  return hmacKeys(keyList(secrets, "secrets"));
}

const MAX_VALUE = 4096;
