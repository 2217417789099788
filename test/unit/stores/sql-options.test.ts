import mysql from "mysql2";
import mysqlPromise from "mysql2/promise";
import pg from "pg";
import postgresJs from "postgres";
import { describe, expect, it } from "vitest";
import { migrations as mysqlMigrations, mysqlStore } from "../../../src/stores/mysql.ts";
import { migrations, postgresStore } from "../../../src/stores/postgres.ts";
import { postgresSql } from "../../../src/stores/postgres-sql.ts";

// Clients that are made and never connect.
const pool = new pg.Pool();
const sql = postgresJs({ host: "127.0.0.1" });
const callbackPool = mysql.createPool({});
const promisePool = mysqlPromise.createPool({});

describe("what a PostgreSQL store reads", () => {
  it("P5 is kept at the primary by Pgpool-II", () => {
    const { load, listAll, listUser, since } = postgresSql("coatcheck", undefined);
    for (const read of [load, listAll, listUser, since]) {
      expect(read).toMatch(/^\/\*NO LOAD BALANCE\*\//);
    }
  });
});

describe("the options of the PostgreSQL store", () => {
  it("take the clients that it knows, without connecting", () => {
    for (const client of [pool, new pg.Client(), sql]) {
      expect(postgresStore({ client }).name).toBe("postgres");
    }
  });

  it.each([undefined, null, {}, "postgres://a.test", callbackPool, promisePool])(
    "refuse what is no client of PostgreSQL (%#)",
    (client) => {
      expect(() => postgresStore({ client: client as never })).toThrow(/option `client`/);
    },
  );

  it("are refused by their name when they cannot work", () => {
    const client = pool;
    expect(() => postgresStore({ client, namespace: "a b" })).toThrow(/option `namespace`/);
    expect(() => postgresStore({ client, schema: 'a"b' })).toThrow(/option `schema`/);
    expect(() => postgresStore({ client, schema: "Shop" })).toThrow(/option `schema`/);
    expect(() => postgresStore({ client, prepare: 1 as never })).toThrow(/option `prepare`/);
    expect(() => postgresStore({ client, notify: "yes" as never })).toThrow(/option `notify`/);
    const listenOn = {} as never;
    expect(() => postgresStore({ client, notify: true, listenOn })).toThrow(/option `listenOn`/);
    expect(() => migrations({ schema: "a;b" })).toThrow(/option `schema`/);
  });

  it("give it `watch` only where changes are told", () => {
    expect(postgresStore({ client: pool }).watch).toBeUndefined();
    expect(postgresStore({ client: pool, notify: true }).watch).toBeTypeOf("function");
  });
});

describe("the options of the MySQL store", () => {
  it("take both kinds of pools, without connecting", () => {
    for (const client of [callbackPool, promisePool]) {
      expect(mysqlStore({ client }).name).toBe("mysql");
    }
  });

  // As a pool of the package `mariadb` is, in which an option of mysql2's would be uncaught.
  const [query, execute, getConnection, batch] = Array.from({ length: 4 }, () => () => undefined);
  const mariadbPool = { query, execute, getConnection, batch };

  it.each([undefined, null, {}, "mysql://a.test", pool, sql, mariadbPool])(
    "refuse what is no pool of mysql2 (%#)",
    (client) => {
      expect(() => mysqlStore({ client: client as never })).toThrow(/option `client`/);
    },
  );

  it("refuse a pool that puts values into statements in a way of its own", async () => {
    // As mysql's documentation has it, for `:name`: a `?` would be sent to the server as it is.
    function queryFormat(this: mysql.Connection, sql: string, values: Record<string, unknown>) {
      return sql.replace(/:(\w+)/g, (text, name) =>
        name in values ? this.escape(values[name]) : text,
      );
    }
    for (const client of [
      mysql.createPool({ queryFormat }),
      mysqlPromise.createPool({ queryFormat }),
    ]) {
      expect(() => mysqlStore({ client })).toThrow(/option `client` has the option `queryFormat`/);
    }
    const both = mysql.createPool({ queryFormat: (sql, values) => mysql.format(sql, values) });
    expect(mysqlStore({ client: both }).name).toBe("mysql");
  });

  it("are refused by their name when they cannot work", () => {
    const client = promisePool;
    expect(() => mysqlStore({ client, namespace: "a b" })).toThrow(/option `namespace`/);
    expect(() => mysqlStore({ client, prefix: "a`b" })).toThrow(/option `prefix`/);
    expect(() => mysqlStore({ client, prepare: 1 as never })).toThrow(/option `prepare`/);
    expect(() => mysqlMigrations({ prefix: "" })).toThrow(/option `prefix`/);
  });
});
