/**
 * A MariaDB server of a test's own.
 *
 * @module
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import mysql from "mysql2/promise";
import { findProgram, required } from "./needs.ts";
import { freePort, ownFolder, ownServer, runAsNobody } from "./own-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const mariadbd: string | undefined = findProgram("mariadbd", "mysqld");
const install = findProgram("mariadb-install-db", "mysql_install_db");

export interface MysqlServer {
  readonly port: number;
  readonly uri: string;
  start(): Promise<void>;
  /** `kill -9` of the server. What it had acknowledged has to be there when it is back. */
  kill(): Promise<void>;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

const NO_SYNC = [
  "--innodb-flush-log-at-trx-commit=0",
  "--skip-innodb-doublewrite",
  "--sync-binlog=0",
];

/**
 * Starts one, with a database `coatcheck` and a user `app` without a password.
 *
 * @param settings - options of the server. Without any it does not wait for the disk.
 */
export async function startMysql(settings: readonly string[] = NO_SYNC): Promise<MysqlServer> {
  const folder = await temporaryFolder("mysql");
  await ownFolder(folder);
  const data = join(folder, "data");
  await runAsNobody(required("mariadb", install), [
    ...["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal"],
    ...["--skip-test-db", "--skip-name-resolve"],
  ]);
  const port = await freePort();
  const root = `mysql://root@127.0.0.1:${port}/mysql`;
  const uri = `mysql://app@127.0.0.1:${port}/coatcheck`;
  const server = ownServer({
    program: required("mariadb", mariadbd),
    args: [
      ...["--no-defaults", `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1"],
      ...[`--socket=${join(folder, "socket")}`, `--pid-file=${join(folder, "pid")}`],
      ...["--skip-name-resolve", "--max-connections=200", "--innodb-log-file-size=16M"],
      ...settings,
    ],
    folder,
    endBy: "SIGTERM",
    isReady: () => ask(root, ["SELECT 1"]),
  });
  await server.start();
  await ask(root, [
    "CREATE DATABASE coatcheck",
    "CREATE USER app@'%'",
    "GRANT ALL ON coatcheck.* TO app@'%'",
    "GRANT PROCESS ON *.* TO app@'%'",
  ]);
  return {
    port,
    uri,
    ...server,
    async dispose() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(uri: string, statements: readonly string[]): Promise<void> {
  const connection = await mysql.createConnection({ uri, connectTimeout: 2000 });
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.end();
  }
}
