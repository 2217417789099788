/**
 * The options of `createSessions` with every default filled in. What cannot work is refused here,
 * at the start, by the option's name.
 *
 * @module
 */

import type { CookieAttributes } from "../cookie/write.ts";
import { cookieProblem } from "../cookie/write.ts";
import { ConfigError, section } from "../errors.ts";
import type { ForeignSource } from "../interop/source.ts";
import { dateNow } from "../lib/clock.ts";
import type { KeyRing } from "../token/key-ring.ts";
import { createKeyRing } from "../token/key-ring.ts";
import type { ResolvedAdoption } from "./foreign-settings.ts";
import { resolveAdoptions, resolveShare } from "./foreign-settings.ts";
import { choice, flag, optionalFunction, wait } from "./option-checks.ts";
import type { SessionsOptions } from "./options.ts";
import type { RequestLike } from "./request.ts";
import type { OutagePolicy } from "./session.ts";
import type { SchemaLike } from "./standard-schema.ts";
import type { KeepingMethod, StoreSettings } from "./store-settings.ts";
import { resolveOutage, resolveStores } from "./store-settings.ts";
import type { Timeouts } from "./timeouts.ts";
import { duration, resolveTimeouts } from "./timeouts.ts";

const SECOND = 1000;
const COOKIE = ["name", "sameSite", "path", "domain", "partitioned"] as const;

/** What the rest of the core sees. Durations are milliseconds. */
export interface Settings extends StoreSettings {
  readonly method: KeepingMethod;
  /** Whose sessions shared ones are. */
  readonly share: ForeignSource | undefined;
  readonly ring: KeyRing;
  /** For the small cookie that carries the last use of a sealed session. */
  readonly seenRing: KeyRing;
  readonly cookieName: string;
  readonly seenCookieName: string;
  readonly cookie: CookieAttributes;
  readonly dev: boolean;
  readonly timeouts: Timeouts;
  readonly rotateEvery: number;
  readonly rotationGrace: number;
  readonly endOnReuse: boolean;
  readonly maxSessionsPerUser: number;
  readonly throwOnOverwrite: boolean;
  readonly outage: OutagePolicy;
  readonly storeDeadline: number;
  readonly commitDeadline: number;
  readonly watchInterval: number;
  /** In quotation marks. */
  readonly clearSiteData: readonly string[];
  readonly address: ((request: RequestLike) => string | undefined) | undefined;
  readonly schema: SchemaLike | undefined;
  readonly version: number;
  readonly migrate:
    | ((old: Record<string, unknown>, fromVersion: number) => Record<string, unknown>)
    | undefined;
  readonly adoptions: readonly ResolvedAdoption[];
  readonly clock: () => number;
}

const KNOWN: readonly (keyof SessionsOptions)[] = [
  "secrets",
  "method",
  "store",
  "sealed",
  "app",
  "cookie",
  "dev",
  "timeouts",
  "rotateEvery",
  "rotationGrace",
  "onReuse",
  "maxSessionsPerUser",
  "onOverwrite",
  "outage",
  "storeDeadline",
  "commitDeadline",
  "acceptUnconditionalStore",
  "watchInterval",
  "clearSiteData",
  "address",
  "schema",
  "version",
  "migrate",
  "adopt",
  "share",
  "clock",
];

const TIMEOUTS = "see `timeouts`, in seconds";
const NEEDLESS = "it is not needed";
// What people bring along from other libraries.
const ELSEWHERE = {
  secret: "see `secrets`",
  password: "see `secrets`",
  name: "see `cookie.name`",
  cookieName: "see `cookie.name`",
  secure: "see `dev`",
  maxAge: TIMEOUTS,
  ttl: TIMEOUTS,
  expires: TIMEOUTS,
  rolling: TIMEOUTS,
  resave: NEEDLESS,
  saveUninitialized: NEEDLESS,
  httpOnly: NEEDLESS,
  signed: NEEDLESS,
};

/** @throws {ConfigError} naming the option that cannot work and how to mend it. */
export function resolveOptions<Data extends object>(options: SessionsOptions<Data>): Settings {
  section("options", options, KNOWN, ELSEWHERE);
  if (options === undefined) {
    throw new ConfigError("options", "must be an object: createSessions({ secrets, store })");
  }
  const method = choice("method", options.method, ["stored", "sealed", "shared"]);
  const dev = flag("dev", options.dev);
  const { app = "", version = 0 } = options;
  if (typeof app !== "string") throw new ConfigError("app", "must be a string");
  const { name, attributes } = resolveCookie(options, dev);
  const seenCookieName = `${name}-seen`;
  const { store, revocations, ...sealed } = resolveStores(options, method);
  const timeouts = resolveTimeouts(options.timeouts);
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new ConfigError("version", "must be a whole number from 0");
  }
  if (version > 0 && options.migrate === undefined) {
    throw new ConfigError(
      "version",
      "is raised together with `migrate`, which brings older data along",
    );
  }
  if (method !== "stored" && options.maxSessionsPerUser !== undefined) {
    throw new ConfigError(
      "maxSessionsPerUser",
      "can't be kept for sealed and shared sessions: nobody lists them",
    );
  }
  optionalFunction("migrate", options.migrate);
  if (version === 0 && options.migrate !== undefined) {
    throw new ConfigError(
      "migrate",
      "is called for data older than `version`: give that too, from 1",
    );
  }
  optionalFunction("address", options.address);
  optionalFunction("clock", options.clock);
  const { clock = dateNow } = options;
  if (!Number.isSafeInteger(clock())) {
    throw new ConfigError("clock", "must give whole milliseconds, as Date.now() does");
  }
  if (
    options.schema !== undefined &&
    typeof options.schema?.["~standard"]?.validate !== "function"
  ) {
    throw new ConfigError("schema", "must be a Standard Schema, such as one of zod or valibot");
  }
  return {
    method,
    share: resolveShare(options.share, method === "shared"),
    store,
    revocations,
    ...sealed,
    ring: createKeyRing({ secrets: options.secrets, app, cookieName: name }),
    seenRing: createKeyRing({ secrets: options.secrets, app, cookieName: seenCookieName }),
    cookieName: name,
    seenCookieName,
    cookie: attributes,
    dev,
    timeouts,
    rotateEvery:
      options.rotateEvery === "never"
        ? Number.POSITIVE_INFINITY
        : duration("rotateEvery", options.rotateEvery, Number.POSITIVE_INFINITY),
    rotationGrace: wait("rotationGrace", options.rotationGrace, 30 * SECOND),
    endOnReuse: choice("onReuse", options.onReuse, ["end", "report"]) === "end",
    maxSessionsPerUser: resolveCap(options.maxSessionsPerUser),
    throwOnOverwrite: choice("onOverwrite", options.onOverwrite, ["report", "throw"]) === "throw",
    outage: resolveOutage(
      options.outage,
      store,
      method === "stored" || sealed.overflow === "store",
    ),
    storeDeadline: wait("storeDeadline", options.storeDeadline, 3 * SECOND),
    commitDeadline: wait("commitDeadline", options.commitDeadline, 10 * SECOND),
    watchInterval: wait("watchInterval", options.watchInterval, 10 * SECOND),
    clearSiteData: resolveClearSiteData(options.clearSiteData),
    address: options.address,
    schema: options.schema as SchemaLike | undefined,
    version,
    migrate: options.migrate,
    adoptions: resolveAdoptions(
      options.adopt as SessionsOptions["adopt"],
      method === "stored",
      name,
    ),
    clock,
  };
}

function resolveCookie(
  options: Pick<SessionsOptions, "cookie">,
  dev: boolean,
): { readonly name: string; readonly attributes: CookieAttributes } {
  const cookie = section("cookie", options.cookie, COOKIE, ELSEWHERE);
  for (const name of ["name", "path", "domain"] as const) {
    if (cookie[name] !== undefined && typeof cookie[name] !== "string") {
      throw new ConfigError(`cookie.${name}`, "must be a string");
    }
  }
  const { domain, path = "/" } = cookie;
  const name = cookie.name ?? `${defaultPrefix(dev, domain, path)}sid`;
  const attributes: CookieAttributes = {
    path,
    domain,
    secure: !dev,
    sameSite: choice("cookie.sameSite", cookie.sameSite, ["lax", "strict", "none"]),
    partitioned: flag("cookie.partitioned", cookie.partitioned),
  };
  const problem = cookieProblem(name, attributes);
  if (problem !== undefined) throw new ConfigError(problem.option, problem.problem);
  return { name, attributes };
}

// `__Host-Http-` is `__Host-` to browsers that do not know it yet, and keeps scripts from planting the
// cookie in those that do (draft-ietf-httpbis-layered-cookies).
function defaultPrefix(dev: boolean, domain: string | undefined, path: string): string {
  if (dev) return "";
  return domain === undefined && path === "/" ? "__Host-Http-" : "__Secure-";
}

function resolveCap(cap = Number.POSITIVE_INFINITY): number {
  if (cap !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(cap) || cap < 1)) {
    throw new ConfigError("maxSessionsPerUser", "must be a whole number from 1, or Infinity");
  }
  return cap;
}

function resolveClearSiteData(given: readonly string[] = []): readonly string[] {
  if (!Array.isArray(given)) {
    throw new ConfigError("clearSiteData", 'must be a list, such as ["cache", "storage"]');
  }
  for (const part of given) {
    choice("clearSiteData", part, ["cache", "cookies", "storage"]);
  }
  return given.map((part) => `"${part}"`);
}
