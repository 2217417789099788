/**
 * Every error coatcheck throws, one class per thing a caller can do about it.
 *
 * A missing, malformed, forged, expired or revoked cookie is an answer, not an error: the session
 * is empty and `session.refusal` says why, to the server side only.
 *
 * @module
 */

/** The stable codes. A code never changes its meaning; messages may. */
export type ErrorCode =
  | "ERR_CONFIG"
  | "ERR_STORE_UNAVAILABLE"
  | "ERR_STORE_READ_ONLY"
  | "ERR_RECORD_UNREADABLE"
  | "ERR_SESSION_CLOSED"
  | "ERR_SESSION_CONFLICT"
  | "ERR_SIGN_IN_REFUSED"
  | "ERR_SESSION_TOO_LARGE"
  | "ERR_VALUE"
  | "ERR_SIGN_IN_REQUIRED"
  | "ERR_NOT_FRESH"
  | "ERR_CROSS_ORIGIN"
  | "ERR_USAGE";

// Symbol.for: an error from another copy of the package in the same process is recognised too.
const BRAND: unique symbol = Symbol.for("coatcheck.error") as never;

/** Base of all coatcheck errors. Test with {@link isCoatcheckError}, not with `instanceof`. */
export class CoatcheckError extends Error {
  /** What happened, for programs. */
  readonly code: ErrorCode;
  /** The HTTP status that frameworks answer with when nobody catches the error. */
  readonly status: 401 | 403 | 409 | 500 | 503;
  /** The same as {@link status}, under the other name that frameworks read. */
  readonly statusCode: CoatcheckError["status"];
  /** Whether a framework may show the message to the client. */
  readonly expose: boolean;

  constructor(
    code: ErrorCode,
    status: CoatcheckError["status"],
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.statusCode = status;
    this.expose = status < 500;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for an error of any copy of coatcheck in the process. */
export function isCoatcheckError(error: unknown): error is CoatcheckError {
  return error instanceof Error && BRAND in error;
}

/** An option cannot work. Thrown while the app starts, never while it serves. */
export class ConfigError extends CoatcheckError {
  /** The option's name, as it is written in the call, with dots for nested ones. */
  readonly option: string;

  constructor(option: string, problem: string) {
    super("ERR_CONFIG", 500, `coatcheck: option \`${option}\` ${problem}`);
    this.option = option;
  }
}

/**
 * An object of options; absent is empty. It stands here because whatever has options may import the errors.
 *
 * @param elsewhere - names that other libraries have, and what there is for them.
 * @throws {ConfigError} for anything else, and for names that are not known.
 * @internal
 */
export function section<Options extends object>(
  option: string,
  given: Options | undefined,
  known: readonly (keyof Options & string)[],
  elsewhere: Readonly<Record<string, string>> = {},
): Options {
  if (given === undefined) return {} as Options;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ConfigError(option, `must be an object with any of ${known.join(", ")}`);
  }
  for (const name of Object.keys(given)) {
    // A misspelt option would silently leave the default in force.
    if ((known as readonly string[]).includes(name)) continue;
    throw new ConfigError(
      option === "options" ? name : `${option}.${name}`,
      `is not known; ${Object.hasOwn(elsewhere, name) ? elsewhere[name] : `there are ${known.join(", ")}`}`,
    );
  }
  return given;
}

/**
 * What sets apart those who share a database, a folder or a server: it stands in keys and names of files.
 *
 * @throws {ConfigError}
 * @internal
 */
export function requireName(option: string, given: unknown): void {
  if (typeof given === "string" && /^[\w.:-]{0,64}$/.test(given)) return;
  throw new ConfigError(option, "must be up to 64 letters, digits, or any of `_.:-`");
}

/** What something may be, in words. @internal */
export function listOf(choices: readonly unknown[]): string {
  return choices.map((choice) => JSON.stringify(choice)).join(" or ");
}

/** The API was called in a way that cannot work, such as `req.session.userId` without `load()`. */
export class UsageError extends CoatcheckError {
  constructor(message: string) {
    super("ERR_USAGE", 500, `coatcheck: ${message}`);
  }
}

/**
 * The store failed or did not answer in time. The session may well exist: do not treat this as
 * "logged out". No cookie is cleared.
 */
export class StoreUnavailableError extends CoatcheckError {
  /** The store's name. */
  readonly store: string;
  /** The verb of the store contract that failed. */
  readonly operation: string;

  constructor(store: string, operation: string, cause?: unknown) {
    super(
      "ERR_STORE_UNAVAILABLE",
      503,
      `coatcheck: the ${store} store failed at \`${operation}\`, or did not answer (\`cause\` says why)`,
      { cause },
    );
    this.store = store;
    this.operation = operation;
  }
}

/**
 * A write to a store that is read only, for maintenance or because it is a replica. Sessions go on
 * being read; nothing was written.
 */
export class StoreReadOnlyError extends CoatcheckError {
  /** The store's name. */
  readonly store: string;
  /** The verb of the store contract that was refused. */
  readonly operation: string;

  constructor(store: string, operation: string) {
    super(
      "ERR_STORE_READ_ONLY",
      503,
      `coatcheck: the ${store} store is read only, and was asked to \`${operation}\``,
    );
    this.store = store;
    this.operation = operation;
  }
}

/**
 * A record whose body cannot be opened with the secrets of `encrypted`. Nothing of it is handed out.
 * Whose it is may well be signed in: do not treat this as "logged out".
 */
export class UnreadableRecordError extends CoatcheckError {
  /** The store's name. */
  readonly store: string;
  /** The session whose record it is. */
  readonly sessionId: string;
  /**
   * `"unencrypted"`: it is no encrypted body. `"unknown-key"`: encrypted under a secret that is not in
   * the list. `"changed"`: it was changed, or made for another session or another user.
   */
  readonly reason: "unencrypted" | "unknown-key" | "changed";

  constructor(store: string, sessionId: string, reason: UnreadableRecordError["reason"]) {
    super("ERR_RECORD_UNREADABLE", 500, `coatcheck: a record of the ${store} store ${WHY[reason]}`);
    this.store = store;
    this.sessionId = sessionId;
    this.reason = reason;
  }
}

const WHY: Readonly<Record<UnreadableRecordError["reason"], string>> = {
  unencrypted: "is not encrypted, and is not read as if it were",
  "unknown-key": "is encrypted under a secret that `encrypted` was not given",
  changed: "was changed, or made for another session or user",
};

/**
 * A write that can no longer be kept: the session has ended meanwhile, the ticket was superseded,
 * or the head of the response is out.
 */
export class SessionClosedError extends CoatcheckError {
  constructor(problem: string) {
    super("ERR_SESSION_CLOSED", 409, `coatcheck: ${problem}`);
  }
}

/** Another request wrote first and the change could not be merged, or its fate cannot be told. */
export class SessionConflictError extends CoatcheckError {
  /** The keys that another request changed as well, when that is the reason. */
  readonly keys: readonly string[];

  constructor(problem: string, keys: readonly string[] = []) {
    super("ERR_SESSION_CONFLICT", 409, `coatcheck: ${problem}`);
    this.keys = keys;
  }
}

/**
 * A sign-in that began before the user was signed out everywhere, or whose visitor session ended
 * meanwhile. Nobody is signed in; the person may try again.
 */
export class SignInRefusedError extends CoatcheckError {
  constructor(problem: string) {
    super("ERR_SIGN_IN_REFUSED", 409, `coatcheck: ${problem}`);
  }
}

/** The session is larger than the cookie or the store takes. Nothing was written. */
export class SessionTooLargeError extends CoatcheckError {
  /** Bytes that the session would take. */
  readonly size: number;
  /** Bytes that there are. */
  readonly limit: number;
  /** Bytes of each key, the largest first. */
  readonly bytesByKey: Readonly<Record<string, number>>;

  constructor(
    where: string,
    size: number,
    limit: number,
    bytesByKey: Readonly<Record<string, number>> = {},
  ) {
    const keys = Object.entries(bytesByKey)
      .slice(0, 5)
      .map(([key, bytes]) => `${key}: ${bytes}`)
      .join(", ");
    super(
      "ERR_SESSION_TOO_LARGE",
      500,
      `coatcheck: the session takes ${size} bytes, and the limit of ${where} is ${limit}` +
        `${keys === "" ? "" : ` (bytes by key: ${keys})`}; keep ids in it, and what they name in a database`,
    );
    this.size = size;
    this.limit = limit;
    this.bytesByKey = bytesByKey;
  }
}

/** A value that a session cannot keep, or that does not fit the schema. Nothing was written. */
export class ValueError extends CoatcheckError {
  /** Where the value is, such as `cart[2].price`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super("ERR_VALUE", 500, `coatcheck: the value at \`${path}\` ${problem}`);
    this.path = path;
  }
}

/** The route needs a signed-in user and there is none. */
export class SignInRequiredError extends CoatcheckError {
  constructor() {
    super("ERR_SIGN_IN_REQUIRED", 401, "coatcheck: sign in first");
  }
}

/** The user is signed in, but has not proved who they are recently or strongly enough. */
export class FreshnessError extends CoatcheckError {
  /** Seconds within which a proof is asked for. */
  readonly within: number;
  /** The methods that would do, when the route names any. */
  readonly methods: readonly string[];

  constructor(within: number, methods: readonly string[] = []) {
    super("ERR_NOT_FRESH", 401, "coatcheck: confirm that it is you first");
    this.within = within;
    this.methods = methods;
  }
}

/**
 * A request from another origin that would change something. Nothing in coatcheck throws it: it is for the
 * app's own check, so that the answer is 403 like the others.
 */
export class CrossOriginError extends CoatcheckError {
  constructor(problem: string) {
    super("ERR_CROSS_ORIGIN", 403, `coatcheck: ${problem}`);
  }
}
