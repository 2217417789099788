/**
 * What Beaker's two kinds of sessions have in common.
 *
 * @module
 */

import { ConfigError, section } from "../../errors.ts";
import { decodeBase64, encodeBase64 } from "../../lib/base64.ts";
import { utf8, utf8Text } from "../../lib/bytes.ts";
import type { Duration } from "../../lib/duration.ts";
import { choiceOption, textOption } from "../options.ts";
import type {
  ForeignAttributes,
  ForeignCookie,
  ForeignDraft,
  ForeignSession,
  ForeignSource,
} from "../source.ts";
import type { BeakerEncryption } from "./beaker-crypto.ts";
import { decryptBeaker, encryptBeaker } from "./beaker-crypto.ts";
import { readJson, writeJson } from "./json.ts";
import type { Limits, ReadLimits } from "./limits.ts";
import { limitsOf } from "./limits.ts";
import { unpickle } from "./pickle-read.ts";
import { writePickle } from "./pickle-write.ts";
import { answer, refuse } from "./refusal.ts";
import { checkSecrets } from "./secrets.ts";
import {
  cookieOf,
  cookieOptions,
  dataWithUser,
  defined,
  deletionOf,
  durationOption,
  sessionData,
  userUnder,
} from "./source-parts.ts";
import type { TextOrBytes } from "./web-crypto.ts";
import { deflate, inflate } from "./zlib.ts";

/** What both kinds of Beaker's sessions have. */
export interface BeakerOptions {
  /** `session.key`. @default "beaker.session.id" */
  readonly cookieName?: string;
  /** `data_serializer`. @default "json"; Beaker's own default is "pickle" */
  readonly serializer?: "json" | "pickle";
  /** `encrypt_key` and what goes with it; absent: the session is not encrypted. */
  readonly encryption?: BeakerEncryption;
  /** `timeout`: how long after its last use a session ends. @default no limit */
  readonly timeout?: Duration;
  /** `cookie_expires`: how long the cookie is kept. @default until the browser is closed */
  readonly cookieExpires?: Duration;
  /** Where the session says whose it is. Beaker has no usage of its own. @default nowhere */
  readonly userKey?: string;
  readonly attributes?: Partial<ForeignAttributes>;
  readonly limits?: ReadLimits;
}

/** The names of {@link BeakerOptions}. */
export const BEAKER = [
  "cookieName",
  "serializer",
  "encryption",
  "timeout",
  "cookieExpires",
  "userKey",
  "attributes",
  "limits",
] as const;

const ATTRIBUTES = { path: "/", secure: false, httpOnly: false, sameSite: "lax" } as const;
const BEAKER_KEYS = ["_accessed_time", "_creation_time", "_domain", "_path", "_id", "_expires"];

/** What the two kinds do with data and cookies. */
export interface BeakerParts {
  readonly cookieName: string;
  readonly limits: Limits;
  readonly timeout: number | undefined;
  readonly source: Pick<
    ForeignSource,
    "name" | "cookieNames" | "cookieAt" | "attributes" | "reserved" | "deletion"
  >;
  cookie(text: string, now: number): ForeignCookie;
  /** `undefined` when it was encrypted with another validate key, and there are more to try. */
  decoded(
    value: string,
    validateKey: TextOrBytes,
    isLast: boolean,
  ): Promise<Record<string, unknown> | undefined>;
  encoded(data: Record<string, unknown>, validateKey: TextOrBytes): Promise<string>;
  draftData(draft: ForeignDraft, now: number): Record<string, unknown>;
  session(
    data: Record<string, unknown>,
    now: number,
    rest: Pick<ForeignSession, "identity" | "recordKey" | "origin">,
  ): ForeignSession;
}

/** @throws {ConfigError} when an option cannot work. */
export function beakerParts(name: string, options: BeakerOptions): BeakerParts {
  const { encryption, userKey } = options;
  const { cookieName, attributes } = cookieOptions(options, "beaker.session.id", ATTRIBUTES);
  const serializer = choiceOption("serializer", options.serializer, ["json", "pickle"], "json");
  const limits = limitsOf(options.limits);
  if (userKey !== undefined) textOption("userKey", userKey, "");
  if (encryption !== undefined) checkEncryption(encryption);
  const optional = (name: "timeout" | "cookieExpires"): number | undefined =>
    options[name] === undefined ? undefined : durationOption(name, options[name], 0);
  const timeout = optional("timeout");
  const cookieExpires = optional("cookieExpires");

  return {
    cookieName,
    limits,
    timeout,
    source: {
      name,
      cookieNames: [cookieName],
      cookieAt: -1,
      attributes,
      reserved: BEAKER_KEYS,
      deletion: deletionOf(cookieName, attributes),
    },

    cookie: (text, now) =>
      cookieOf(cookieName, text, attributes, cookieExpires && now + cookieExpires),

    async decoded(value, validateKey, isLast) {
      if (encryption === undefined) {
        return await readSession(decodeBase64(value) ?? refuse("malformed", "is not base64"));
      }
      const decrypting = answer(() => decryptBeaker(encryption, validateKey, value));
      const bytes = await decrypting;
      if (bytes instanceof Uint8Array) return await readSession(bytes);
      return isLast ? refuse(bytes.refused, bytes.problem) : undefined;
    },

    async encoded(data, validateKey) {
      const bytes =
        serializer === "pickle"
          ? writePickle(data)
          : await deflate(utf8(writeJson(data, { ascii: true, spaced: true })));
      return encryption === undefined
        ? encodeBase64(bytes)
        : await encryptBeaker(encryption, validateKey, bytes);
    },

    draftData(draft, now) {
      const data = dataWithUser(draft, userKey);
      data["_creation_time"] ??= (draft.createdAt ?? now) / 1000;
      data["_accessed_time"] = now / 1000;
      data["_domain"] ??= attributes.domain ?? null;
      data["_path"] ??= attributes.path;
      return data;
    },

    session(data, now, rest) {
      const lastSeenAt = momentUnder(data, "_accessed_time");
      const createdAt = momentUnder(data, "_creation_time");
      // What Beaker's `delete` leaves behind.
      if (lastSeenAt === undefined && createdAt === undefined) {
        return refuse("absent", "names a session that was deleted");
      }
      // As Beaker does: without the time nothing has timed out.
      const expiresAt = timeout === undefined ? undefined : (lastSeenAt ?? now) + timeout;
      if (expiresAt !== undefined && now > expiresAt)
        refuse("expired", "was not used for too long");
      const userId = userUnder(data, userKey);
      const persistent = cookieExpires !== undefined;
      const times = { createdAt, lastSeenAt, expiresAt };
      return defined({ ...rest, ...times, data, userId, persistent, cookieNames: [cookieName] });
    },
  };

  async function readSession(bytes: Uint8Array): Promise<Record<string, unknown>> {
    if (serializer === "pickle") return sessionData(unpickle(bytes, limits));
    const json = utf8Text(await inflate(bytes, limits.maxBytes));
    return sessionData(readJson(json ?? refuse("malformed", "is not UTF-8"), limits));
  }
}

function checkEncryption(encryption: BeakerEncryption): void {
  const given = section("encryption", encryption, ["key", "module", "nonceBits"]);
  const { key, module, nonceBits = 128 } = given;
  checkSecrets("encryption.key", [key]);
  if (module !== "cryptography" && module !== "pycryptodome") {
    throw new ConfigError("encryption.module", 'must be "cryptography" or "pycryptodome"');
  }
  if (!Number.isInteger(nonceBits / 8) || nonceBits < 8) {
    throw new ConfigError("encryption.nonceBits", "must be a multiple of 8");
  }
}

function momentUnder(data: Record<string, unknown>, key: string): number | undefined {
  const seconds = Object.hasOwn(data, key) ? data[key] : undefined;
  return typeof seconds === "number" && Number.isFinite(seconds)
    ? Math.round(seconds * 1000)
    : undefined;
}
