/**
 * A Galera cluster of a test's own: MariaDB servers of this machine, each of which takes writes.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { ask, fill } from "./mysql-server.ts";
import { findProgram, required } from "./needs.ts";
import { ownFolder, ownServer } from "./own-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const HOST = "127.0.0.1";
const PROVIDER = "/usr/lib/galera/libgalera_smm.so";

// The library is made for this machine's server, not for another that the tests may be run on.
const mariadbd = findProgram("mariadbd");

/** What `describeWith` has to find: on Debian all of it comes with `mariadb-server`. */
export const galeraPrograms: Readonly<Record<string, string | undefined>> = {
  mariadb: mariadbd,
  galera: existsSync(PROVIDER) ? PROVIDER : undefined,
  rsync: findProgram("rsync"),
};

export interface GaleraNode {
  readonly uri: string;
  start(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Stops it where it is, as a machine that hangs; `SIGCONT` lets it go on. */
  signal(name: "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** How many nodes it sees; 0 where it serves nobody. */
  size(): Promise<number>;
}

export type GaleraNodes = readonly [GaleraNode, GaleraNode, GaleraNode];

export interface GaleraCluster {
  readonly nodes: GaleraNodes;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

/** Starts three nodes, with a database `coatcheck` and a user `app` without a password. */
export async function startGalera(): Promise<GaleraCluster> {
  const folder = await temporaryFolder("galera");
  await ownFolder(folder);
  const group = [await freePort(), await freePort(), await freePort()];
  const started: GaleraNode[] = [];
  for (const index of group.keys()) {
    started.push(await startNode(join(folder, `${index}`), group, index));
  }
  const nodes = started as unknown as GaleraNodes;
  await until("the nodes see each other", async () => {
    return (await Promise.all(nodes.map(({ size }) => size()))).every((size) => size === 3);
  });
  return {
    nodes,
    async dispose() {
      for (const { kill } of nodes) await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startNode(
  folder: string,
  group: readonly number[],
  index: number,
): Promise<GaleraNode> {
  const program = required("mariadb", mariadbd);
  const data = join(folder, "data");
  for (const path of [folder, data]) {
    await mkdir(path);
    await ownFolder(path);
  }
  const isFirst = index === 0;
  // The others get the files of the first.
  if (isFirst) await fill(program, data, `--tmpdir=${folder}`);
  const [port, transfer, increments] = [await freePort(), await freePort(), await freePort()];
  const socket = join(folder, "socket");
  const pid = join(folder, "pid");
  // A node that is silent for a few seconds is left behind.
  const provider = {
    base_port: `${group[index]}`,
    "gmcast.listen_addr": `tcp://${HOST}:${group[index]}`,
    "ist.recv_addr": `${HOST}:${increments}`,
    "gcache.size": "16M",
    "evs.keepalive_period": "PT0.5S",
    "evs.inactive_check_period": "PT0.5S",
    "evs.suspect_timeout": "PT2S",
    "evs.inactive_timeout": "PT4S",
  };
  const args = [
    ...["--no-defaults", `--datadir=${data}`, `--tmpdir=${folder}`, `--socket=${socket}`],
    ...[`--pid-file=${pid}`, `--port=${port}`, `--bind-address=${HOST}`, "--skip-name-resolve"],
    ...["--max-connections=200", "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M"],
    ...["--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"],
    ...["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"],
    ...["--wsrep-on=ON", `--wsrep-provider=${PROVIDER}`, "--wsrep-cluster-name=coatcheck"],
    `--wsrep-cluster-address=gcomm://${group.map((each) => `${HOST}:${each}`).join(",")}`,
    ...[`--wsrep-node-name=node${index}`, `--wsrep-node-address=${HOST}`],
    ...["--wsrep-sst-method=rsync", `--wsrep-sst-receive-address=${HOST}:${transfer}`],
    `--wsrep-provider-options=${Object.entries(provider)
      .map(([name, value]) => `${name}=${value}`)
      .join(";")}`,
  ];

  async function size(): Promise<number> {
    const rows = await ask(socket, ["SHOW STATUS WHERE Variable_name LIKE 'wsrep_%'"]);
    const status = new Map(rows.map((row) => [row["Variable_name"], row["Value"]]));
    return status.get("wsrep_ready") === "ON" ? Number(status.get("wsrep_cluster_size")) : 0;
  }

  function serverWith(more: readonly string[]) {
    const all = { program, args: [...args, ...more], folder, endBy: "SIGKILL" } as const;
    return ownServer({
      ...all,
      async isReady() {
        if ((await size()) === 0) throw new Error("it serves nobody");
      },
    });
  }

  let server = serverWith(isFirst ? ["--wsrep-new-cluster"] : []);
  await server.start();
  if (isFirst) {
    await ask(socket, [
      ...["CREATE DATABASE coatcheck", "CREATE USER app@'%'"],
      "GRANT ALL ON coatcheck.* TO app@'%'",
    ]);
  }
  return {
    uri: `mysql://app@${HOST}:${port}/coatcheck`,
    async start() {
      // From now on the first is one of the others.
      server = serverWith([]);
      await server.start();
    },
    kill: () => server.kill(),
    async signal(name) {
      process.kill(Number(await readFile(pid, "utf8")), name);
    },
    size,
  };
}
