/**
 * `coatcheck migrate`: makes the tables of a SQL store, or prints how.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ConfigError } from "../../errors.ts";
import { migrate as migrateMysql, migrations as mysqlMigrations } from "../../stores/mysql.ts";
import {
  migrate as migratePostgres,
  migrations as postgresMigrations,
} from "../../stores/postgres.ts";
import type { Connected } from "../clients.ts";
import { connectMysql, connectPostgres } from "../clients.ts";
import type { Command } from "../command.ts";
import { orReason } from "../command.ts";
import { placeOf } from "../open-store.ts";

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
  --prefix <name>   What the names of MySQL tables begin with. Default: coatcheck_.

An address may name them too, as in postgres://app@db.example/shop?schema=sessions`,

  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        print: { type: "boolean", default: false },
        schema: { type: "string" },
        prefix: { type: "string" },
      },
    });
    const [given = "", ...rest] = positionals;
    const { path: address, named } = placeOf(given, "namespace", "schema", "prefix");
    const kind = /^(postgres|mysql|mariadb)(ql)?(:\/\/|$)/.exec(address)?.[1];
    if (kind === undefined || rest.length > 0) {
      throw new ConfigError("<address>", "must be one that begins with `postgres` or `mysql`");
    }
    const { schema = named.schema, prefix = named.prefix } = values;
    const [other, has] = kind === "postgres" ? ["prefix", prefix] : ["schema", schema];
    if (has !== undefined) {
      const right = kind === "postgres" ? "PostgreSQL has a `schema`" : "MySQL has a `prefix`";
      throw new ConfigError(`--${other}`, `has no effect here: ${right}`);
    }
    const database = kind === "postgres" ? postgres(schema) : mysql(prefix);
    if (values.print) {
      io.stdout.write(database.print());
      return 0;
    }
    if (!address.includes("://")) {
      throw new ConfigError("<address>", "must be the database's, unless the SQL is to be printed");
    }
    return await orReason("migrate", io, async () => {
      const applied = await database.apply(address);
      io.stdout.write(applied.length === 0 ? "Up to date.\n" : `Applied: ${applied.join(", ")}\n`);
    });
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
    apply: async (address) =>
      ended(await connectPostgres("<address>", address), (client) =>
        migratePostgres(client, options),
      ),
  };
}

function mysql(prefix: string | undefined): Tables {
  const options = prefix === undefined ? {} : { prefix };
  return {
    print: () =>
      mysqlMigrations(options)
        .map(({ version, statements }) => `-- Version ${version}\n${statements.join(";\n\n")};\n`)
        .join("\n"),
    apply: async (address) =>
      ended(await connectMysql("<address>", address), (client) => migrateMysql(client, options)),
  };
}

async function ended<Client, Result>(
  { client, end }: Connected<Client>,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(client);
  } finally {
    await end();
  }
}
