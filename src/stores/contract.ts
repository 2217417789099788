/**
 * The contract every store keeps, and the only module that a store needs to import.
 *
 * Eight verbs, no upsert, no cookie, no policy: `create` never overwrites, `update` and `touch`
 * never create, and no write touches a record that is not live. For a store a record is live while it
 * is not closed and `expiresAt` lies after `now`; cut-offs are for the core to judge.
 * Native expiry of a backend is garbage collection, set later than `expiresAt`. Throw anything for
 * trouble: the core wraps it.
 *
 * Moments are milliseconds since the epoch. `now` is the core's clock; a store uses it everywhere
 * but in `create` and `cutOff`, where one with a clock of its own uses that.
 *
 * @module
 */

/** What a store keeps for one session. */
export interface SessionRecord {
  /** 24 base64url characters: 18 bytes, the first 6 of them the home. */
  readonly id: string;
  /** 1 when created, +1 with each update. */
  readonly revision: number;
  /** Whom the session belongs to: well-formed text of 1 to 1024 characters; absent for a visitor. */
  readonly userId: string | undefined;
  /** What a cut-off is compared with; 0 for a visitor. */
  readonly mark: number;
  /** When the session was last used, as far as was written. */
  readonly lastSeenAt: number;
  /** The earlier of the idle and the absolute deadline. */
  readonly expiresAt: number;
  /** Ended, but remembered for a while so that late requests are told apart. */
  readonly closed: boolean;
  /** Opaque to the store: well-formed text without NUL. */
  readonly body: string;
}

/** What `create` takes: the store gives the first revision and the mark. */
export type NewRecord = Pick<
  SessionRecord,
  "id" | "userId" | "lastSeenAt" | "expiresAt" | "closed" | "body"
>;

/** What `update` may change. Id, user and mark are not its arguments. */
export interface RecordUpdate {
  readonly body: string;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
  /** Makes the record a closed one: it also drops the user and its entry in the user's index. */
  readonly close?: boolean;
}

/** What a store can't do or may forget, and its limits. The conformance suite skips by name. */
export interface StoreTraits {
  /** The largest `body`, in bytes of UTF-8. The core refuses larger ones before the store is asked. */
  readonly maxBodyBytes: number;
  /** `create` and `cutOff` use the backend's own clock instead of `now`. */
  readonly ownClock: boolean;
  /** Writes are conditional in one step. A store without is refused as a primary store. */
  readonly conditionalWrites: boolean;
  /** What makes acknowledged writes disappear: `"restart"`, `"eviction"`, `"failover"`; empty for none. */
  readonly forgets: readonly ("restart" | "eviction" | "failover")[];
  /** Several processes may use one backend at the same time. */
  readonly shared: boolean;
  /**
   * How many milliseconds after a write by another handle `load` may still give what was there before.
   * Absent: none. Only layers that remember have any.
   */
  readonly maxStaleness?: number;
}

/** A record and what judges it. */
export interface Loaded {
  readonly record: SessionRecord;
  /** The cut-off of the record's user, read with the record or after it; 0 when there is none. */
  readonly cutOff: number;
}

export interface ListQuery {
  /** Only this user's records; absent for everyone's, visitors' included. */
  readonly userId?: string | undefined;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
  /** At most so many records. */
  readonly limit: number;
}

export interface ListPage {
  readonly records: readonly SessionRecord[];
  /** Where the next page begins; absent when this one was the last. */
  readonly cursor?: string | undefined;
}

export interface CutOffOptions {
  /** The id of the one session that stays: its mark is raised above the cut-off in the same step. */
  readonly except?: string | undefined;
  /** Until when the cut-off must be remembered; the later of several holds. */
  readonly keepUntil: number;
}

/**
 * "This id, this user, everything changed", or "lost": from now on nothing is told, until an
 * "everything" says that changes are told again and that any may have been missed.
 */
export interface StoreChange {
  readonly kind: "session" | "user" | "everything" | "lost";
  /** The session id or the user id; absent for the others. */
  readonly id?: string | undefined;
}

/** An answer, or the promise of one. What is there at once keeps nobody waiting. */
export type Answer<Result> = Result | Promise<Result>;

/**
 * Keeps session records. Every method may be called concurrently, from several processes.
 *
 * Only `load` and `update`, which most requests make, may answer at once, and then also throw at once.
 */
export interface SessionStore {
  /** Named in errors and metrics. */
  readonly name: string;
  readonly traits: StoreTraits;
  /** The record as it lies, closed and expired ones too, and its user's cut-off, read with it or after it. */
  load(id: string): Answer<Loaded | undefined>;
  /**
   * Adds a record if the id is free: closed and expired ones count for as long as they lie there.
   *
   * For a user the mark is set to the store's now - `startedAgo`, which may be -1; for a visitor it is 0.
   * `"cut-off"` when the mark is not above the user's cut-off, where the store can tell.
   */
  create(
    record: NewRecord,
    startedAgo: number,
    now: number,
  ): Promise<"created" | "taken" | "cut-off">;
  /**
   * Replaces body and times of a live record at this revision; the later of two `lastSeenAt` wins.
   *
   * After an error the core asks once more to close what it finds closed: a store that lets others confirm
   * an end, such as replicas, waits for them then too, or throws.
   *
   * @returns `false` when the record is absent, not live or at another revision: load and see.
   */
  update(id: string, revision: number, next: RecordUpdate, now: number): Answer<boolean>;
  /**
   * Moves both times forward, never back, on a live record; revision and body stay.
   *
   * @returns `false` when the record is absent or not live.
   */
  touch(id: string, lastSeenAt: number, expiresAt: number, now: number): Promise<boolean>;
  /**
   * Sets the user's cut-off to the later of now and the old one + 1, keeps it until `keepUntil`, and
   * lifts the mark of the excepted record to one above it, in one step: if it is live, the user's, and
   * was above the old cut-off (else it had ended already).
   *
   * @returns the new cut-off.
   */
  cutOff(userId: string, options: CutOffOptions, now: number): Promise<number>;
  /**
   * Live records in a stable order, those at or below their user's cut-off left out. A page is cut by
   * cursor and limit and survives changes between pages.
   */
  list(query: ListQuery, now: number): Promise<ListPage>;
  /**
   * Removes at most `limit` records and cut-offs whose time is over, closed ones too; safe on many
   * nodes at once.
   *
   * @returns how many were removed. Fewer than `limit`: nothing was left, and whoever sweeps stops there.
   */
  sweep(limit: number, now: number): Promise<number>;
  /** Releases what the store itself opened, never a client that it was given. */
  close(): Promise<void>;
  /** Where a user's sessions are kept together: 8 base64url characters. For stores that need it. */
  home?(userId: string): Promise<string>;
  /**
   * Calls the listener as soon as a change is known, as a hint. Returns what ends it. A store that
   * finds out that it hears nothing any more says `"lost"` at once, and `"everything"` when it hears
   * again. One that needs a while to begin says `"lost"` before it returns.
   */
  watch?(listener: (change: StoreChange) => void): () => void;
  /**
   * The same as `load`, past whatever is remembered: for what must not be judged by what was. Only
   * layers that remember have it; everything else always looks.
   */
  refresh?(id: string): Promise<Loaded | undefined>;
  /**
   * What was last known of a session, without asking the backend: for the outage policy `"stale"`.
   * `undefined` when nothing is known, when it is too old, or when it has changed as far as is known.
   * Only layers that remember have it.
   */
  recall?(id: string): Promise<Loaded | undefined>;
}

/** One entry of the feed that sealed sessions, and "everyone out", are judged by. */
export interface Revocation {
  readonly kind: "session" | "user" | "everyone";
  /** The session id or the user id; absent for everyone. */
  readonly id?: string | undefined;
  /** Sessions whose mark is not above this moment are ended. Of one session: by it two endings are told apart. */
  readonly at: number;
  /** Until when the entry must be remembered. */
  readonly until: number;
  /** The one session of the user that stays. */
  readonly except?: string | undefined;
}

/** A page of the feed. */
export interface RevocationPage {
  readonly revocations: readonly Revocation[];
  /** Where the next page begins. */
  readonly cursor: string;
  /** There is more already: a feed may be longer than one call can read in time. */
  readonly more?: boolean | undefined;
}

/** A feed of revocations that is mirrored in memory. Every store of ours keeps one, but for Memcached's. */
export interface Revocations {
  /** Appends an entry, also where there is one of the same user; resolved when it is durable. */
  add(revocation: Revocation): Promise<void>;
  /**
   * The entries after the cursor whose time is not over; from the beginning with `undefined`. All of
   * them, or some and `more`. An entry is never missed by a reader that goes on from the cursor it was
   * given.
   */
  since(cursor: string | undefined): Promise<RevocationPage>;
}
