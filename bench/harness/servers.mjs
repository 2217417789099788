// @ts-check
/**
 * Database servers of the bench's own: on free ports of this machine, in folders of their own on its disk,
 * ended by their process ids, and with the bench should that be killed.
 *
 * @module
 */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const HOST = "127.0.0.1";
const LONGEST_START_MS = 30_000;
// Debian's nobody: PostgreSQL refuses to run as root.
const NOBODY = 65534;
const DEBIAN_POSTGRES = "/usr/lib/postgresql";

/** @typedef {{ url: string, pid: number, settings: string, stop: () => Promise<void> }} Server */

/** Keeps nothing on the disk. @returns {Promise<Server>} */
export async function startRedis(/** @type {readonly string[]} */ settings = []) {
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", HOST, "--save", "", ...settings];
  return start({
    url: `redis://${HOST}:${port}`,
    settings: "no snapshots, no append-only file",
    command: (folder) => ["redis-server", ...args, "--dir", folder],
    isReady: () => run("redis-cli", ["-p", `${port}`, "ping"]),
  });
}

/** Three primaries without replicas. @returns {Promise<Server[]>} */
export async function startRedisCluster() {
  const nodes = await Promise.all(
    [1, 2, 3].map(async () =>
      startRedis(["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`]),
    ),
  );
  try {
    // redis-cli reckons that the ports of the bus are ten thousand higher, which may be in use here.
    const ports = nodes.map(({ url }) => new URL(url).port);
    const ask = async (
      /** @type {string | undefined} */ port,
      /** @type {string[]} */ ...command
    ) => (await run("redis-cli", ["-p", `${port}`, ...command])).stdout;
    for (const [n, port] of ports.entries()) {
      const slots = [0, 1].map((more) => Math.floor(((n + more) * 16_384) / ports.length));
      await ask(port, "CLUSTER", "SET-CONFIG-EPOCH", `${n + 1}`);
      await ask(port, "CLUSTER", "ADDSLOTSRANGE", `${slots[0]}`, `${Number(slots[1]) - 1}`);
      const bus = (await ask(port, "CONFIG", "GET", "cluster-port")).trim().split("\n").at(-1);
      if (n > 0) await ask(ports[0], "CLUSTER", "MEET", HOST, `${port}`, `${bus}`);
    }
    const isKnown = async (/** @type {string} */ port) =>
      /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(await ask(port, "CLUSTER", "INFO"));
    const deadline = Date.now() + LONGEST_START_MS;
    while (!(await Promise.all(ports.map(isKnown))).every(Boolean)) {
      if (Date.now() > deadline) throw new Error("the nodes do not become a cluster");
      await sleep(100);
    }
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map(({ stop }) => stop()));
    throw error;
  }
}

/** Commits are on the disk before they are acknowledged. @returns {Promise<Server>} */
export async function startPostgres() {
  const [version = ""] = (await readdir(DEBIAN_POSTGRES)).sort((a, b) => Number(b) - Number(a));
  const programs = join(DEBIAN_POSTGRES, version, "bin");
  const port = await freePort();
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  const settings = { shared_buffers: "2GB", max_wal_size: "8GB", checkpoint_timeout: "15min" };
  const all = { listen_addresses: HOST, unix_socket_directories: "", port, ...settings };
  const options = Object.entries(all).flatMap(([name, to]) => ["-c", `${name}=${to}`]);
  return start({
    url,
    settings: Object.entries(settings)
      .map((setting) => setting.join(" = "))
      .join(", "),
    owner: NOBODY,
    async prepare(folder) {
      const initdb = ["-D", join(folder, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"];
      const who = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
      await run(join(programs, "initdb"), [...initdb, "--locale=C.UTF-8"], { ...who, cwd: "/" });
    },
    command: (folder) => [join(programs, "postgres"), "-D", join(folder, "data"), ...options],
    isReady: () => run(join(programs, "pg_isready"), ["-d", url]),
  });
}

/** Commits are on the disk before they are acknowledged, as by default. @returns {Promise<Server>} */
export async function startMysql() {
  const port = await freePort();
  const base = (/** @type {string} */ folder) => ["--no-defaults", `--datadir=${folder}/data`];
  const settings = "innodb-buffer-pool-size=1G";
  return start({
    url: `mysql://root@${HOST}:${port}/mysql`,
    settings,
    owner: NOBODY,
    endBy: "SIGTERM",
    async prepare(folder) {
      const install = [...base(folder), "--auth-root-authentication-method=normal"];
      const who = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
      await run("mariadb-install-db", [...install, "--skip-test-db", "--skip-name-resolve"], {
        ...who,
        cwd: "/",
      });
    },
    command: (folder) => [
      ...["mariadbd", ...base(folder), `--port=${port}`, `--bind-address=${HOST}`],
      ...[`--socket=${folder}/socket`, `--pid-file=${folder}/pid`],
      ...["--skip-name-resolve", `--${settings}`],
    ],
    isReady: () => run("mariadb-admin", ["-h", HOST, "-P", `${port}`, "-u", "root", "ping"]),
  });
}

/** @returns {Promise<Server>} */
export async function startMemcached() {
  const port = await freePort();
  return start({
    url: `memcached://${HOST}:${port}`,
    settings: "1 GiB",
    command: () => [
      ...["memcached", "-l", HOST, "-p", `${port}`, "-U", "0", "-m", "1024"],
      ...(process.getuid?.() === 0 ? ["-u", "root"] : []),
    ],
    async isReady() {
      const socket = connect(port, HOST);
      await once(socket, "connect").finally(() => socket.destroy());
    },
  });
}

/**
 * @typedef {object} Plan
 * @property {string} url
 * @property {string} settings
 * @property {number} [owner] whom folder and process belong to, when the bench runs as root
 * @property {(folder: string) => Promise<void>} [prepare]
 * @property {(folder: string) => string[]} command
 * @property {() => Promise<unknown>} isReady rejects as long as it is not
 * @property {NodeJS.Signals} [endBy]
 */

/** @returns {Promise<Server>} */
async function start(
  /** @type {Plan} */ { url, settings, owner, prepare, command, isReady, endBy = "SIGINT" },
) {
  const folder = await mkdtemp(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "coatcheck-bench-"));
  const isOther = owner !== undefined && process.getuid?.() === 0;
  if (isOther) await chown(folder, owner, owner);
  await prepare?.(folder);
  const as = isOther ? [`--reuid=${owner}`, `--regid=${owner}`, "--clear-groups"] : [];
  const log = await open(join(folder, "server.log"), "a");
  const args = [...as, "--pdeathsig=KILL", "--", ...command(folder)];
  const child = spawn("setpriv", args, { cwd: "/", stdio: ["ignore", log.fd, log.fd] });
  await log.close();
  const isRunning = () => child.exitCode === null && child.signalCode === null;

  async function stop() {
    if (isRunning()) {
      const ended = once(child, "exit");
      child.kill(endBy);
      await ended;
    }
    await rm(folder, { recursive: true });
  }

  for (const deadline = Date.now() + LONGEST_START_MS; ; await sleep(50)) {
    if (isRunning() && Date.now() < deadline) {
      const answers = await isReady().then(
        () => true,
        () => false,
      );
      if (answers) return { url, pid: child.pid ?? 0, settings, stop };
    } else {
      const said = await readFile(join(folder, "server.log"), "utf8");
      await stop();
      throw new Error(`${args.join(" ")} did not start:\n${said.slice(-2000)}`);
    }
  }
}

// The system may name a port again as soon as it is closed, before the first server listens on it.
const given = new Set();

async function freePort() {
  for (;;) {
    const server = createServer().listen(0, HOST);
    await once(server, "listening");
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    server.close();
    await once(server, "close");
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
