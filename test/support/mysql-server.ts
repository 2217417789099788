/**
 * A MariaDB or MySQL server of a test's own.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import mysql from "mysql2/promise";
import { freePort } from "./free-port.ts";
import { chosenServer, findProgram, required } from "./needs.ts";
import { ownFolder, ownServer, runAsNobody } from "./own-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const mariadbd: string | undefined =
  chosenServer("mysql") ?? findProgram("mariadbd", "mysqld");

export interface MysqlServer {
  readonly port: number;
  readonly uri: string;
  readonly isMariadb: boolean;
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

/** Without a second port, and without a folder that only its package makes. */
const MYSQL_ONLY = ["--mysqlx=OFF", "--secure-file-priv=NULL"];

/**
 * Starts one, with a database `coatcheck` and a user `app` without a password.
 *
 * @param settings - options of the server. Without any it does not wait for the disk.
 */
export async function startMysql(settings: readonly string[] = NO_SYNC): Promise<MysqlServer> {
  const folder = await temporaryFolder("mysql");
  await ownFolder(folder);
  const data = join(folder, "data");
  const program = required("mariadb", mariadbd);
  // A server that starts removes what looks left over there, from others that run as well.
  const temporary = `--tmpdir=${folder}`;
  const isMariadb = await fill(program, data, temporary);
  const port = await freePort();
  const socket = join(folder, "socket");
  const uri = `mysql://app@127.0.0.1:${port}/coatcheck`;
  const server = ownServer({
    program,
    args: [
      ...["--no-defaults", `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1"],
      ...[`--socket=${socket}`, `--pid-file=${join(folder, "pid")}`],
      ...["--skip-name-resolve", "--max-connections=200", temporary],
      ...(isMariadb ? ["--innodb-log-file-size=16M"] : MYSQL_ONLY),
      ...settings,
    ],
    folder,
    endBy: "SIGTERM",
    isReady: () => ask(socket, ["SELECT 1"]),
  });
  await server.start();
  await ask(socket, [
    "CREATE DATABASE coatcheck",
    "CREATE USER app@'%'",
    "GRANT ALL ON coatcheck.* TO app@'%'",
    "GRANT PROCESS ON *.* TO app@'%'",
  ]);
  return {
    port,
    uri,
    isMariadb,
    ...server,
    async dispose() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the files of an empty server. @returns whether it is MariaDB. */
export async function fill(program: string, data: string, temporary: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(program, ["--no-defaults", "--version"]);
  const isMariadb = stdout.includes("MariaDB");
  if (!isMariadb) {
    const to = [`--datadir=${data}`, temporary];
    await runAsNobody(program, ["--no-defaults", "--initialize-insecure", ...to]);
    return isMariadb;
  }
  const base = dirname(dirname(program));
  await runAsNobody(join(base, "bin", "mariadb-install-db"), [
    ...["--no-defaults", `--basedir=${base}`, `--datadir=${data}`, temporary],
    ...["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
  ]);
  return isMariadb;
}

/** As root, whom MySQL lets in by the socket only. @returns the rows of the last statement. */
export async function ask(
  socketPath: string,
  statements: readonly string[],
): Promise<readonly mysql.RowDataPacket[]> {
  const login = { socketPath, user: "root", database: "mysql" };
  const connection = await mysql.createConnection({ ...login, connectTimeout: 2000 });
  try {
    let rows: mysql.RowDataPacket[] = [];
    for (const statement of statements) {
      [rows] = await connection.query<mysql.RowDataPacket[]>(statement);
    }
    return rows;
  } finally {
    await connection.end();
  }
}
