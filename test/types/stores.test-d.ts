/**
 * The real clients fit what the stores ask for, with the oldest typings that are supported and with
 * the newest ones; and those that do not work are refused.
 *
 * @module
 */

import type { PGlite } from "@electric-sql/pglite";
import type { Connection as MysqlConnection, Pool as MysqlPool } from "mysql2";
import type { Pool as MysqlPromisePool } from "mysql2/promise";
import type { Pool as OldMysqlPool } from "mysql2-oldest";
import type { Pool as OldMysqlPromisePool } from "mysql2-oldest/promise";
import type { Client, Pool } from "pg";
import type { Client as OldClient, Pool as OldPool } from "pg-types-oldest";
import type { PGlite as OldPGlite } from "pglite-oldest";
import type { Sql } from "postgres";
import type { Sql as OldSql } from "postgres-oldest";
import { expectTypeOf, test } from "vitest";
import type { MysqlClient } from "../../src/stores/mysql.ts";
import type {
  PgClient,
  PgliteClient,
  PostgresClient,
  PostgresJsClient,
} from "../../src/stores/postgres.ts";

test("pg, postgres.js and PGlite fit the PostgreSQL store", () => {
  expectTypeOf<Pool>().toExtend<PgClient>();
  expectTypeOf<Client>().toExtend<PgClient>();
  expectTypeOf<OldPool>().toExtend<PgClient>();
  expectTypeOf<OldClient>().toExtend<PgClient>();
  expectTypeOf<Sql>().toExtend<PostgresJsClient>();
  expectTypeOf<Sql<{ moment: Date }>>().toExtend<PostgresJsClient>();
  expectTypeOf<OldSql>().toExtend<PostgresJsClient>();
  expectTypeOf<PGlite>().toExtend<PgliteClient>();
  expectTypeOf<OldPGlite>().toExtend<PgliteClient>();
  expectTypeOf<Pool | Sql | PGlite>().toExtend<PostgresClient>();
});

test("the pools of mysql2 fit the MySQL store, and one connection does not", () => {
  expectTypeOf<MysqlPool>().toExtend<MysqlClient>();
  expectTypeOf<MysqlPromisePool>().toExtend<MysqlClient>();
  expectTypeOf<OldMysqlPool>().toExtend<MysqlClient>();
  expectTypeOf<OldMysqlPromisePool>().toExtend<MysqlClient>();
  expectTypeOf<MysqlConnection>().not.toExtend<MysqlClient>();
});

test("a client of another database is refused", () => {
  expectTypeOf<Pool>().not.toExtend<MysqlClient>();
  expectTypeOf<MysqlPool>().not.toExtend<PostgresClient>();
  expectTypeOf<MysqlPromisePool>().not.toExtend<PostgresClient>();
});
