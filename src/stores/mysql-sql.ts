/**
 * The statements of a MySQL store, in SQL that MySQL 8 and MariaDB share. Each is a step of its own.
 *
 * None locks a second row while it holds a first, in an order that another one reverses: what a session
 * is judged by is never changed together with its user's cut-off. A mark stays as it was created, and
 * the cut-off names the one session that it excepts.
 *
 * @module
 */

/** The statements, for tables whose names begin so. */
export interface MysqlSql {
  /** namespace, id → the columns of a record, and the cut-off */
  readonly load: string;
  /** namespace, id, closed, last seen, expires, expires, body; fails where the id is taken */
  readonly createVisitors: string;
  /** the same, user, long user, started ago, namespace, user; writes nothing below the cut-off */
  readonly createUsers: string;
  /** namespace, id → whether it is there */
  readonly isTaken: string;
  /** body, last seen, expires, expires, close, close, close, namespace, id, revision, now */
  readonly update: string;
  /** last seen, expires, namespace, id, now */
  readonly touch: string;
  /** namespace, id, user, now → the mark of a live session of the user */
  readonly markOf: string;
  /** namespace, user, keep until, except, mark of the excepted one; gives the cut-off */
  readonly cutOff: string;
  /** now, namespace, cursor → records, the last column tells whether they are live */
  list(limit: number): string;
  /** now, namespace, user, cursor → the same */
  listUser(limit: number): string;
  /** What is over, or was to be looked at by now. */
  readonly sessions: MysqlSweep;
  readonly cutOffs: MysqlSweep;
  readonly revocations: MysqlSweep;
  /** namespace, now, ids */
  lookLater(count: number): string;
  /** namespace; gives the number */
  readonly nextNumber: string;
  /** namespace, number, kind, about, except, at, until */
  readonly add: string;
  /** namespace, namespace, from → the last number of all, and numbers and entries from that number on */
  since(limit: number): string;
}

/** How one table is swept. */
export interface MysqlSweep {
  /** namespace, now → keys, and when they are over */
  due(limit: number): string;
  /** namespace, now, keys */
  remove(count: number): string;
}

// The server's clock, whatever the time zone of a connection.
const NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)";

// The session that its user's last cut-off has excepted counts as made after it.
const MARK = "CASE WHEN c.except_id = s.id THEN GREATEST(s.mark, c.at + 1) ELSE s.mark END";
const COLUMNS = `s.id, s.revision, s.user_id, s.long_user_id, ${MARK}, s.last_seen_at, s.expires_at, s.closed`;

/** @param prefix - of the tables' names, checked */
export function mysqlSql(prefix: string): MysqlSql {
  const sessions = `${prefix}sessions`;
  const cutOffs = `${prefix}cut_offs`;
  const withCutOff = `LEFT JOIN ${cutOffs} c ON c.namespace = s.namespace AND c.user_id = s.user_id`;
  const into = `INSERT INTO ${sessions} (namespace, id, revision, closed, last_seen_at, expires_at, look_at, \`body\`, mark, user_id, long_user_id)`;

  function list(whose: string, limit: number): string {
    // Of what is dead the body is not wanted.
    return `SELECT ${COLUMNS}, IF(s.live, s.\`body\`, ''), s.live FROM (
  SELECT s.*, s.closed = 0 AND s.expires_at > ? AND (
    s.user_id IS NULL OR c.at IS NULL OR s.mark > c.at OR COALESCE(s.id = c.except_id, FALSE)
  ) AS live
  FROM ${sessions} s ${withCutOff}
  WHERE s.namespace = ?${whose} AND s.id > ? ORDER BY s.id LIMIT ${limit}
) s ${withCutOff} ORDER BY s.id LIMIT ${limit}`;
  }

  return {
    load: `SELECT ${COLUMNS}, s.\`body\`, COALESCE(c.at, 0)
FROM ${sessions} s ${withCutOff} WHERE s.namespace = ? AND s.id = ?`,

    createVisitors: `${into} VALUES (?, ?, 1, ?, ?, ?, ?, ?, 0, NULL, NULL)`,

    createUsers: `${into}
SELECT ?, ?, 1, ?, ?, ?, ?, ?, m.mark, ?, ?
FROM (SELECT ${NOW} - ? AS mark) m
LEFT JOIN ${cutOffs} c ON c.namespace = ? AND c.user_id = ?
WHERE m.mark > COALESCE(c.at, 0)`,

    isTaken: `SELECT 1 FROM ${sessions} WHERE namespace = ? AND id = ?`,

    update: `UPDATE ${sessions} SET revision = revision + 1, \`body\` = ?,
  last_seen_at = GREATEST(last_seen_at, ?), expires_at = ?, look_at = LEAST(look_at, ?),
  closed = ?, user_id = IF(?, NULL, user_id), long_user_id = IF(?, NULL, long_user_id)
WHERE namespace = ? AND id = ? AND revision = ? AND closed = 0 AND expires_at > ?`,

    touch: `UPDATE ${sessions} SET
  last_seen_at = GREATEST(last_seen_at, ?), expires_at = GREATEST(expires_at, ?)
WHERE namespace = ? AND id = ? AND closed = 0 AND expires_at > ?`,

    // A mark never changes, so it may be read before the user's row is locked; what is compared with it
    // is read after.
    markOf: `SELECT mark FROM ${sessions}
WHERE namespace = ? AND id = ? AND user_id = ? AND closed = 0 AND expires_at > ?`,

    // What is assigned first is compared with the cut-off before.
    cutOff: `INSERT INTO ${cutOffs} (namespace, user_id, keep_until, except_id, at)
VALUES (?, ?, ?, ?, LAST_INSERT_ID(${NOW}))
ON DUPLICATE KEY UPDATE
  except_id = IF(except_id = VALUES(except_id) OR ? > at, VALUES(except_id), NULL),
  keep_until = GREATEST(keep_until, VALUES(keep_until)),
  at = LAST_INSERT_ID(GREATEST(VALUES(at), at + 1))`,

    list: (limit) => list("", limit),
    listUser: (limit) => list(" AND s.user_id = ?", limit),

    sessions: sweepOf(sessions, "id", "look_at", "expires_at"),
    cutOffs: sweepOf(cutOffs, "user_id", "keep_until", "keep_until"),
    revocations: sweepOf(`${prefix}revocations`, "number", "until", "until"),
    lookLater: (count) =>
      `UPDATE ${sessions} FORCE INDEX (PRIMARY) SET look_at = expires_at
WHERE namespace = ? AND expires_at > ? AND id IN (${places(count)})`,

    nextNumber: `INSERT INTO ${prefix}feeds (namespace, last) VALUES (?, LAST_INSERT_ID(1))
ON DUPLICATE KEY UPDATE last = LAST_INSERT_ID(last + 1)`,
    add: `INSERT INTO ${prefix}revocations (namespace, number, kind, about, except_id, at, until)
VALUES (?, ?, ?, ?, ?, ?, ?)`,

    since: (
      limit,
    ) => `SELECT COALESCE(f.last, 0), r.number, r.kind, r.about, r.at, r.until, r.except_id
FROM (SELECT MAX(last) AS last FROM ${prefix}feeds WHERE namespace = ?) f
LEFT JOIN (
  SELECT * FROM ${prefix}revocations WHERE namespace = ? AND number >= ? AND until > ${NOW}
  ORDER BY number LIMIT ${limit}
) r ON TRUE
ORDER BY r.number LIMIT ${limit}`,
  };
}

/**
 * What is due is read without a lock, and removed by its keys, in their order, if it is still over: a
 * removal that went along another index would lock rows that it leaves, and in an order of its own.
 */
function sweepOf(table: string, key: string, due: string, end: string): MysqlSweep {
  return {
    due: (limit) =>
      `SELECT ${key}, ${end} FROM ${table} WHERE namespace = ? AND ${due} <= ? ORDER BY ${due} LIMIT ${limit}`,
    remove: (count) =>
      `DELETE t FROM ${table} t FORCE INDEX (PRIMARY)
WHERE t.namespace = ? AND t.${end} <= ? AND t.${key} IN (${places(count)})`,
  };
}

function places(count: number): string {
  return Array.from({ length: count }, () => "?").join(", ");
}
