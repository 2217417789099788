/**
 * The statements of a PostgreSQL store: each verb is one, so each is one step and one round trip.
 *
 * No statement waits for a second row while it holds a first, but for the feed, where all wait for the
 * same one; so none can wait for another in a circle. What a session is judged by is never changed
 * together with its user's cut-off: a mark stays as it was created, and the cut-off names the one
 * session that it excepts.
 *
 * @module
 */

/** The statements, for tables in one schema. */
export interface PostgresSql {
  /** namespace, id → the columns of a record, and the cut-off */
  readonly load: string;
  /** namespace, user, long user, id, started ago, closed, last seen, expires, body → the answer */
  readonly create: string;
  /** namespace, id, revision, body, last seen, expires, close, now → a row when it was done */
  readonly update: string;
  /** namespace, id, last seen, expires, now → a row when it was done */
  readonly touch: string;
  /** namespace, user, except, keep until, now → the cut-off */
  readonly cutOff: string;
  /** namespace, cursor, limit, scanned, now → where it looked last, how many, and records */
  readonly listAll: string;
  /** The same, and user. */
  readonly listUser: string;
  /** namespace, now, limit → how many were looked at, and removed */
  readonly sweepSessions: string;
  /** The same. */
  readonly sweepCutOffs: string;
  /** The same. */
  readonly sweepFeed: string;
  /** namespace, kind, id, except, at, until → nothing to read */
  readonly add: string;
  /** namespace, from, limit → the last number of all, and numbers and entries from that number on */
  readonly since: string;
}

// The server's clock, read when the statement comes to it: no two app servers agree as well.
const NOW = "floor(extract(epoch FROM clock_timestamp()) * 1000)::float8";

// Pgpool-II sends what only reads to a standby, where what was just ended is still there: not what begins so.
const ON_PRIMARY = "/*NO LOAD BALANCE*/ ";

// The session that its user's last cut-off has excepted counts as made after it.
const MARK = "CASE WHEN c.except_id = s.id THEN greatest(s.mark, c.at + 1) ELSE s.mark END";
// What a client makes of a type is up to the app. A number is one again, whether it comes as text or as a bigint.
const RECORD = `s.id, s.revision, s.user_id, s.long_user_id, ${MARK}, s.last_seen_at, s.expires_at, s.closed::int`;

/**
 * @param schema - a name that has been checked
 * @param channel - where `update`, `cutOff` and `add` tell what has changed; each of them then takes
 *   the text to be told as a further value
 * @param inFront - what stands in front of each body that is read, for a client that would drop what
 *   the body begins with
 */
export function postgresSql(
  schema: string,
  channel: string | undefined,
  inFront: "" | "." = "",
): PostgresSql {
  const body = inFront === "" ? "s.body" : `'${inFront}' || s.body`;
  const sessions = `"${schema}".sessions`;
  const cutOffs = `"${schema}".cut_offs`;
  const feeds = `"${schema}".feeds`;
  const revocations = `"${schema}".revocations`;
  const withCutOff = `LEFT JOIN ${cutOffs} c ON c.namespace = s.namespace AND c.user_id = s.user_id`;

  /** Tells of a change in the transaction that makes it, and so only if it is made. */
  function told(change: string, result: string, value: number, before?: string): string {
    const first = before === undefined ? "" : `WITH ${before}`;
    if (channel === undefined) return `${first}\n${change}`;
    const steps = `${before === undefined ? "WITH" : `${first},`} done AS (${change})`;
    return `${steps} SELECT ${result}, pg_notify('${channel}', $${value}::text) FROM done`;
  }

  function list(whose: string): string {
    // Dead records that no sweep has taken must not make a page slow: it looks at so many and is short.
    // How far it came is asked only then.
    return `${ON_PRIMARY}WITH scanned AS NOT MATERIALIZED (
  SELECT s.id, NOT s.closed AND s.expires_at > $5::float8 AND (
    s.user_id IS NULL OR c.at IS NULL OR s.mark > c.at OR s.id = c.except_id
  ) IS TRUE AS live
  FROM ${sessions} s ${withCutOff}
  WHERE s.namespace = $1::text AND s.id > $2::text${whose}
  ORDER BY s.id LIMIT $4::int
), page AS MATERIALIZED (SELECT id FROM scanned WHERE live ORDER BY id LIMIT $3::int + 1),
looked AS (
  SELECT max(id) AS last, count(*)::int AS many FROM scanned
  WHERE (SELECT count(*) FROM page) <= $3::int
)
SELECT looked.last, looked.many, ${RECORD}, ${body}
FROM looked LEFT JOIN page ON true
LEFT JOIN ${sessions} s ON s.namespace = $1::text AND s.id = page.id ${withCutOff}
ORDER BY s.id`;
  }

  /** Removes what is over, and leaves to others what they have locked. An array is looked up by the index. */
  function sweepBy(table: string, key: string, end: string): string {
    return `WITH due AS (
  SELECT ${key} AS key FROM ${table} WHERE namespace = $1::text AND ${end} <= $2::float8
  ORDER BY ${end} LIMIT $3::int FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM ${table} WHERE namespace = $1::text AND ${key} = ANY (ARRAY(SELECT key FROM due)) RETURNING 1
)
SELECT count(*)::int, count(*)::int FROM gone`;
  }

  return {
    load: `${ON_PRIMARY}SELECT ${RECORD}, ${body}, coalesce(c.at, 0)
FROM ${sessions} s ${withCutOff}
WHERE s.namespace = $1::text AND s.id = $2::text`,

    // The cut-off needs no lock: one that is set meanwhile is compared with the mark by whoever reads.
    create: `WITH moment AS MATERIALIZED (
  SELECT CASE WHEN $2::text IS NULL THEN 0 ELSE ${NOW} - $5::float8 END AS mark
), cut AS (
  SELECT coalesce(max(at), 0) AS at FROM ${cutOffs} WHERE namespace = $1::text AND user_id = $2::text
), made AS (
  INSERT INTO ${sessions} (mark, last_seen_at, expires_at, look_at, revision, closed, namespace, id, user_id, long_user_id, body)
  SELECT mark, $7::float8, $8::float8, $8::float8, 1, $6::boolean, $1::text, $4::text, $2::text, $3::text, $9::text
  FROM moment, cut WHERE $2::text IS NULL OR mark > at
  ON CONFLICT DO NOTHING RETURNING 1
)
SELECT CASE
  WHEN EXISTS (SELECT FROM made) THEN 'created'
  WHEN $2::text IS NULL OR mark > at THEN 'taken'
  WHEN EXISTS (SELECT FROM ${sessions} WHERE namespace = $1::text AND id = $4::text) THEN 'taken'
  ELSE 'cut-off' END
FROM moment, cut`,

    update: told(
      `UPDATE ${sessions} SET revision = revision + 1, body = $4::text,
  last_seen_at = greatest(last_seen_at, $5::float8), expires_at = $6::float8,
  look_at = least(look_at, $6::float8), closed = $7::boolean,
  user_id = CASE WHEN $7::boolean THEN NULL ELSE user_id END,
  long_user_id = CASE WHEN $7::boolean THEN NULL ELSE long_user_id END
WHERE namespace = $1::text AND id = $2::text
  AND revision = $3::float8 AND NOT closed AND expires_at > $8::float8
RETURNING 1`,
      "1",
      9,
    ),

    touch: `UPDATE ${sessions} SET
  last_seen_at = greatest(last_seen_at, $3::float8), expires_at = greatest(expires_at, $4::float8)
WHERE namespace = $1::text AND id = $2::text AND NOT closed AND expires_at > $5::float8
RETURNING 1`,

    // A mark never changes, so it may be read before the user's row is locked; what is compared with
    // it is read after.
    cutOff: told(
      `WITH kept AS MATERIALIZED (
  SELECT id, mark FROM ${sessions} WHERE namespace = $1::text AND id = $3::text
    AND user_id = $2::text AND NOT closed AND expires_at > $5::float8
)
INSERT INTO ${cutOffs} AS c (namespace, user_id, at, keep_until, except_id)
VALUES ($1::text, $2::text, ${NOW}, $4::float8, (SELECT id FROM kept))
ON CONFLICT (namespace, user_id) DO UPDATE SET
  at = greatest(excluded.at, c.at + 1), keep_until = greatest(excluded.keep_until, c.keep_until),
  except_id = CASE WHEN excluded.except_id = c.except_id OR (SELECT mark FROM kept) > c.at
    THEN excluded.except_id END
RETURNING at`,
      "at",
      6,
    ),

    listAll: list(""),
    listUser: list(" AND s.user_id = $6::text"),

    // What was touched since it was to be looked at is looked at again when its time is over. A join
    // would be planned for a tenth of the table where a plan knows no limit, and read all of it.
    sweepSessions: `WITH due AS (
  SELECT id, expires_at FROM ${sessions} WHERE namespace = $1::text AND look_at <= $2::float8
  ORDER BY look_at LIMIT $3::int FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM ${sessions} WHERE namespace = $1::text
    AND id = ANY (ARRAY(SELECT id FROM due WHERE expires_at <= $2::float8)) RETURNING 1
), later AS (
  UPDATE ${sessions} SET look_at = expires_at WHERE namespace = $1::text
    AND id = ANY (ARRAY(SELECT id FROM due WHERE expires_at > $2::float8)) RETURNING 1
)
SELECT (SELECT count(*) FROM due)::int, (SELECT count(*) FROM gone)::int`,

    sweepCutOffs: sweepBy(cutOffs, "user_id", "keep_until"),
    sweepFeed: sweepBy(revocations, "number", "until"),

    // Whoever adds an entry holds the row of the feed until the entry can be seen: so numbers are seen
    // in their order, as those of a sequence are not.
    add: told(
      `INSERT INTO ${revocations} (number, at, until, namespace, kind, id, except_id)
SELECT last, $5::float8, $6::float8, $1::text, $2::text, $3::text, $4::text FROM next
RETURNING 1`,
      "1",
      7,
      `next AS (
  INSERT INTO ${feeds} AS f (namespace, last) VALUES ($1::text, 1)
  ON CONFLICT (namespace) DO UPDATE SET last = f.last + 1 RETURNING last
)`,
    ),

    since: `${ON_PRIMARY}SELECT coalesce(f.last, 0)::float8, r.number, r.kind, r.id, r.at, r.until, r.except_id
FROM (SELECT max(last) AS last FROM ${feeds} WHERE namespace = $1::text) f
LEFT JOIN (
  SELECT * FROM ${revocations} WHERE namespace = $1::text AND number >= $2::bigint AND until > ${NOW}
  ORDER BY number LIMIT $3::int
) r ON true
ORDER BY r.number`,
  };
}
