// @ts-check
/**
 * Four app processes that share one Redis, or a cluster of three primaries: whose CPU a request takes.
 *
 * App, Redis and the client of the test share the machine, which is what runs out first. So what is kept
 * is the CPU that each of them takes for a request: it is the same where each has a machine of its own.
 *
 * @module
 */

import { createClient } from "redis";
import { CASES } from "../fixture.mjs";
import { startServer } from "../harness/child.mjs";
import { sessionCookies } from "../harness/clients.mjs";
import { cpuOf, cpuOfEnded, cpuOfMachine } from "../harness/cpu.mjs";
import { client } from "../harness/http-client.mjs";
import { CONNECTIONS, loadGenerator } from "../harness/load.mjs";
import { startRedis, startRedisCluster } from "../harness/servers.mjs";
import { median } from "../harness/statistics.mjs";

const PROCESSES = 4;
const SESSIONS = 2048;
const TOLD = 200_000;
// A cache is seen at work only over several times of the ten seconds for which it remembers.
const REMEMBERED_S = 10;

/** @typedef {import("../workers/app.mjs").Order["cache"]} Cache */
/**
 * @typedef {"untouched" | "read" | "change"} Case
 * @typedef {{ perSecond: number, appUs: number, redisUs: number, clientUs: number, busy: number, commands: number, busiestPrimary: number }} Figures CPU in µs per request; `busy`: the share of the machine's cores; `commands`: round trips to Redis per request; `busiestPrimary`: the busiest one's share of a core
 * @typedef {{ primaries: 1 | 3, cache: Cache, sticky: boolean, cases: Partial<Record<Case, Figures>> }} Row `sticky`: all requests of a session go to one process
 * @typedef {{ publishUs: number, deliverUs: number, hearUs: number }} Telling CPU in µs: of Redis for a publication that nobody hears, and for each that it delivers; of an app process for each that it hears
 * @typedef {{ rows: Row[], telling: Telling, processes: number, sessions: number, client: string, connections: number, seconds: number, rounds: number }} Fleet
 */

/** @returns {Promise<Fleet>} */
export async function measureFleet(
  /** @type {{ quick: boolean, log: (line: string) => void }} */ { quick, log },
) {
  const generator = loadGenerator();
  const { rounds, seconds } = quick ? { rounds: 1, seconds: 2 } : { rounds: 3, seconds: 4 };
  /** @type {Row[]} */
  const rows = [];
  /** @type {Partial<Record<Cache, Told>>} */
  const told = {};
  /** @type {readonly (Omit<Row, "cases"> & { ids: readonly Case[] })[]} */
  const plan = [
    { primaries: 1, cache: "none", sticky: false, ids: ["untouched", "read", "change"] },
    { primaries: 3, cache: "none", sticky: false, ids: ["read", "change"] },
    { primaries: 1, cache: "timed", sticky: false, ids: ["read", "change"] },
    { primaries: 1, cache: "timed", sticky: true, ids: ["read", "change"] },
    { primaries: 1, cache: "watched", sticky: false, ids: ["read", "change"] },
  ];
  for (const { ids, ...kind } of plan) {
    const fleet = await startFleet(kind.primaries, kind.cache);
    try {
      const isCached = kind.cache !== "none" && !quick;
      const size = isCached ? { rounds: 1, seconds: 2 * REMEMBERED_S } : { rounds, seconds };
      const cases = await measureCases(fleet, kind.sticky, ids, generator, size);
      const row = { ...kind, cases };
      rows.push(row);
      if (kind.primaries === 1) told[kind.cache] = await tell(fleet);
      log(`fleet ${brief(row)}`);
    } finally {
      await fleet.stop();
    }
  }
  const alone = told["none"]?.redisUs ?? Number.NaN;
  const heard = told["watched"] ?? { redisUs: Number.NaN, appUs: Number.NaN };
  const telling = {
    publishUs: alone,
    deliverUs: (heard.redisUs - alone) / PROCESSES,
    hearUs: heard.appUs / PROCESSES,
  };
  log(`fleet telling: ${JSON.stringify(telling)}`);
  const about = { processes: PROCESSES, sessions: SESSIONS, client: generator.name };
  return { rows, telling, ...about, connections: CONNECTIONS * PROCESSES, seconds, rounds };
}

/** @typedef {Awaited<ReturnType<typeof startFleet>>} FleetProcesses */

async function startFleet(/** @type {1 | 3} */ primaries, /** @type {Cache} */ cache) {
  const servers = primaries === 1 ? [await startRedis()] : await startRedisCluster();
  const urls = servers.map(({ url }) => url);
  const apps = await Promise.all(
    Array.from({ length: PROCESSES }, () => startServer("app", { urls, cache })),
  );
  const admins = await Promise.all(urls.map((url) => createClient({ url }).connect()));
  return {
    ports: apps.map(({ ready }) => /** @type {number} */ (ready.port)),
    first: /** @type {(typeof admins)[number]} */ (admins[0]),
    cpu: () => ({
      app: total(apps.map(({ ready }) => cpuOf(ready.pid))),
      redis: servers.map(({ pid }) => cpuOf(pid)),
      client: cpuOfEnded(),
      machine: cpuOfMachine(),
    }),
    async commands() {
      const texts = await Promise.all(
        admins.map((admin) => admin.sendCommand(["INFO", "commandstats"])),
      );
      return total(
        texts.map((text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(text))?.[1] ?? 0)),
      );
    },
    async stop() {
      for (const admin of admins) admin.destroy();
      await Promise.all(apps.map((app) => app.stop()));
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function measureCases(
  /** @type {FleetProcesses} */ fleet,
  /** @type {boolean} */ sticky,
  /** @type {readonly Case[]} */ ids,
  /** @type {import("../harness/load.mjs").Generator} */ generator,
  /** @type {{ rounds: number, seconds: number }} */ { rounds, seconds },
) {
  const { ask, close } = client(fleet.ports[0] ?? 0);
  const cookies = await sessionCookies(SESSIONS, ask);
  close();
  // What each process is asked for.
  const shares = fleet.ports.map((_, process) =>
    sticky ? cookies.filter((_, n) => n % PROCESSES === process) : cookies,
  );
  /** @type {Partial<Record<Case, Figures[]>>} */
  const measured = {};
  // The first round warms up and is not kept.
  for (let round = 0; round <= rounds; round += 1) {
    for (const id of ids) {
      const path = CASES.find((one) => one.id === id)?.path ?? "";
      const figures = await send(fleet, generator, path, shares, seconds);
      if (round > 0) measured[id] = [...(measured[id] ?? []), figures];
    }
  }
  return Object.fromEntries(
    Object.entries(measured).map(([id, list]) => {
      const keys = /** @type {(keyof Figures)[]} */ (Object.keys(list[0] ?? {}));
      const figures = keys.map((key) => [key, median(list.map((one) => one[key]))]);
      return [id, /** @type {Figures} */ (Object.fromEntries(figures))];
    }),
  );
}

/** @returns {Promise<Figures>} */
async function send(
  /** @type {FleetProcesses} */ fleet,
  /** @type {import("../harness/load.mjs").Generator} */ generator,
  /** @type {string} */ path,
  /** @type {readonly (readonly string[])[]} */ shares,
  /** @type {number} */ seconds,
) {
  const commands = await fleet.commands();
  const before = fleet.cpu();
  const sent = await Promise.all(
    fleet.ports.map((port, n) => generator.send({ port, path, cookies: shares[n] ?? [], seconds })),
  );
  const now = fleet.cpu();
  const answered = total(sent.map((one) => one.answered));
  const elapsed = Math.max(...sent.map((one) => one.elapsed));
  const primaries = now.redis.map((cpu, n) => cpu - (before.redis[n] ?? 0));
  const busy = now.machine.busy - before.machine.busy;
  const idle = now.machine.idle - before.machine.idle;
  return {
    perSecond: answered / elapsed,
    appUs: (now.app - before.app) / answered,
    redisUs: total(primaries) / answered,
    clientUs: (now.client - before.client) / answered,
    busy: busy / (busy + idle),
    commands: ((await fleet.commands()) - commands) / answered,
    busiestPrimary: Math.max(...primaries) / (elapsed * 1e6),
  };
}

/** @typedef {{ redisUs: number, appUs: number }} Told CPU for one publication */

/** Publishes what nobody knows, so that the app processes have nothing to do but to hear it. */
async function tell(/** @type {FleetProcesses} */ { first, cpu }) {
  const before = cpu();
  for (let n = 0; n < TOLD; n += 100) {
    const some = Array.from({ length: 100 }, (_, i) =>
      first.publish("coatcheck:changes", `session ${String(n + i).padStart(24, "0")}`),
    );
    await Promise.all(some);
  }
  const now = cpu();
  return {
    redisUs: (total(now.redis) - total(before.redis)) / TOLD,
    appUs: (now.app - before.app) / TOLD,
  };
}

function brief(/** @type {Row} */ { primaries, cache, sticky, cases }) {
  const each = Object.entries(cases).map(([id, { perSecond, appUs, redisUs, commands }]) =>
    [
      id,
      `${Math.round(perSecond)}/s`,
      appUs.toFixed(0),
      redisUs.toFixed(0),
      commands.toFixed(2),
    ].join(" "),
  );
  return `${primaries} ${cache}${sticky ? " sticky" : ""}: ${each.join(", ")}`;
}

function total(/** @type {readonly number[]} */ values) {
  return values.reduce((sum, value) => sum + value, 0);
}
