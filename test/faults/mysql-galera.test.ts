import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import callbackMysql from "mysql2";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { migrate, mysqlStore } from "../../src/stores/mysql.ts";
import { failureOf } from "../support/failure-of.ts";
import type { GaleraCluster, GaleraNode, GaleraNodes } from "../support/galera.ts";
import { galeraPrograms, startGalera } from "../support/galera.ts";
import { startWork } from "../support/history.ts";
import { describeWith } from "../support/needs.ts";
import { runStorms } from "../support/storms.ts";
import { until } from "../support/until.ts";
import { expectNothingLost } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describeWith(galeraPrograms, "a Galera cluster of three, each of them written to", () => {
  let cluster: GaleraCluster;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    cluster = await startGalera();
    const pools = pooled("");
    expect(await Promise.all(pools.map((pool) => migrate(pool)))).toContainEqual([1]);
    expect(await Promise.all(pools.map((pool) => migrate(pool)))).toEqual([[], [], []]);
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  afterAll(() => cluster?.dispose());

  /** A pool at each node, whose connections begin with a statement. */
  function pooled(begin: string): callbackMysql.Pool[] {
    return cluster.nodes.map(({ uri }) => {
      const pool = callbackMysql.createPool({ uri, connectTimeout: 2000 });
      pool.on("connection", (connection) => {
        if (begin !== "") connection.query(begin);
      });
      ends.push(() => pool.end(() => undefined));
      return pool;
    });
  }

  const waiting = "SET SESSION wsrep_sync_wait = 7";

  it.each([0, 1, 3])("P5 refuses connections that wait too little: %i", async (wait) => {
    const [client] = pooled(`SET SESSION wsrep_sync_wait = ${wait}`) as [callbackMysql.Pool];
    const failure = await failureOf(async () => mysqlStore({ client }).load("A".repeat(24)));
    expect(failure).toMatchObject({ message: expect.stringContaining("`wsrep_sync_wait` to 7") });
  });

  it("P4 P5 keeps its promises, whichever node is asked", async () => {
    const pools = pooled(waiting);
    let turn = 0;
    await runStorms((namespace) => {
      turn += 1;
      const client = pools[turn % pools.length] as callbackMysql.Pool;
      return mysqlStore({ client, namespace });
    });
  });

  async function away(what: string, fault: (nodes: GaleraNodes) => Promise<unknown>) {
    const namespace = randomUUID();
    const stores = pooled(waiting).map((client) => mysqlStore({ client, namespace }));
    const work = startWork(stores);
    await work.calm();
    await work.during(what, () => fault(cluster.nodes));
    await work.calm(100);
    expectNothingLost("MariaDB, Galera", await work.end(stores[0] as never));
  }

  function seen(nodes: readonly GaleraNode[], size: number): Promise<void> {
    return until(`nodes see ${size}`, async () => {
      const sizes = await Promise.all(nodes.map((node) => node.size()));
      return sizes.every((each) => each === size);
    });
  }

  it("P5 P9 that loses a node loses nothing", async () => {
    await away("kill -9 of a node", async ([first, second, third]) => {
      await second.kill();
      await seen([first, third], 2);
      await second.start();
    });
  });

  it("P5 shows nobody what has ended while a node stood still", async () => {
    await away("a node stands still and is left behind", async ([first, second, third]) => {
      await third.signal("SIGSTOP");
      await seen([first, second], 2);
      await sleep(500);
      await third.signal("SIGCONT");
      await seen([first, second, third], 3);
    });
  });

  it("P5 P9 that has lost its majority serves nobody until it is back", async () => {
    await away("two of three nodes stand still", async ([first, second, third]) => {
      for (const node of [second, third]) await node.signal("SIGSTOP");
      await seen([first], 0);
      for (const node of [second, third]) await node.signal("SIGCONT");
      await seen([first, second, third], 3);
    });
  });
});
