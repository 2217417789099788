/**
 * `coatcheck migrate`: makes the tables of a SQL store, or prints how.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ConfigError } from "../../errors.ts";
import type { MysqlPromisePool } from "../../stores/mysql.ts";
import { migrate as migrateMysql, migrations as mysqlMigrations } from "../../stores/mysql.ts";
import type { PgClient, PostgresJsClient } from "../../stores/postgres.ts";
import {
  migrate as migratePostgres,
  migrations as postgresMigrations,
} from "../../stores/postgres.ts";
import type { Command } from "../command.ts";
import { installed } from "../open-store.ts";

export const migrate: Command = {
  name: "migrate",
  summary: "Make the tables of a PostgreSQL or MySQL store.",
  usage: "coatcheck migrate <address> | coatcheck migrate <postgres|mysql> --print",
  details: `Applies what is missing, and nothing when all is there. It is safe to run again, and
from several places at once. Uses the client that your app has installed: pg or
postgres, or mysql2.

  coatcheck migrate postgres://app@db.example/shop
  coatcheck migrate mysql://app@db.example/shop
  coatcheck migrate postgres --print > sessions.sql

  --print           Print the SQL of all versions, and connect to nothing.
  --schema <name>   The PostgreSQL schema. Default: coatcheck.
  --prefix <name>   What the names of MySQL tables begin with. Default: coatcheck_.`,

  async run(args, { stdout, stderr }) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        print: { type: "boolean", default: false },
        schema: { type: "string" },
        prefix: { type: "string" },
      },
    });
    const [address = "", ...rest] = positionals;
    const kind = /^(postgres|mysql|mariadb)(ql)?(:\/\/|$)/.exec(address)?.[1];
    if (kind === undefined || rest.length > 0) {
      throw new ConfigError("<address>", "must be one that begins with `postgres` or `mysql`");
    }
    const database = kind === "postgres" ? postgres(values.schema) : mysql(values.prefix);
    if (values.print) {
      stdout.write(database.print());
      return 0;
    }
    if (!address.includes("://")) {
      throw new ConfigError("<address>", "must be the database's, unless the SQL is to be printed");
    }
    try {
      const applied = await database.apply(address);
      stdout.write(applied.length === 0 ? "Up to date.\n" : `Applied: ${applied.join(", ")}\n`);
      return 0;
    } catch (error) {
      // What a client says of a failed connection names no password.
      stderr.write(`coatcheck migrate: ${reasonOf(error)}\n`);
      return 1;
    }
  },
};

interface Tables {
  print(): string;
  apply(address: string): Promise<readonly number[]>;
}

function postgres(schema: string | undefined): Tables {
  const options = schema === undefined ? {} : { schema };
  return {
    print: () =>
      postgresMigrations(options)
        .map(({ version, sql }) => `-- Version ${version}\nBEGIN;\n${sql}COMMIT;\n`)
        .join("\n"),
    async apply(address) {
      const { name, module } = await installed("<address>", "pg", "postgres");
      if (name === "pg") {
        const { Pool } = module as { Pool: new (config: object) => PgClient & Ending & Telling };
        const pool = new Pool({ connectionString: address, max: 1 });
        // A connection that is cut off while it is idle concerns nobody here.
        pool.on("error", () => undefined);
        return await ended(pool, () => migratePostgres(pool, options));
      }
      const connect = module as unknown as (
        address: string,
        config: object,
      ) => PostgresJsClient & Ending;
      const client = connect(address, { max: 1, onnotice: () => undefined });
      return await ended(client, () => migratePostgres(client, options));
    },
  };
}

function mysql(prefix: string | undefined): Tables {
  const options = prefix === undefined ? {} : { prefix };
  return {
    print: () =>
      mysqlMigrations(options)
        .map(({ version, statements }) => `-- Version ${version}\n${statements.join(";\n\n")};\n`)
        .join("\n"),
    async apply(address) {
      const { module } = await installed("<address>", "mysql2/promise");
      const { createPool } = module as {
        createPool(config: object): MysqlPromisePool & Ending;
      };
      const pool = createPool({ uri: address.replace(/^mariadb/, "mysql"), connectionLimit: 1 });
      return await ended(pool, () => migrateMysql(pool, options));
    },
  };
}

interface Ending {
  end(): Promise<unknown>;
}

interface Telling {
  on(event: "error", listener: () => void): unknown;
}

async function ended<Result>(client: Ending, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    await client.end();
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { readonly message?: string; readonly code?: string };
  return message || code || "the database cannot be reached";
}
