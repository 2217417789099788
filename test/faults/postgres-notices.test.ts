import { randomUUID } from "node:crypto";
import pg from "pg";
import postgresJs from "postgres";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import { migrate, postgresStore } from "../../src/stores/postgres.ts";
import { postgresCalls } from "../../src/stores/postgres-clients.ts";
import { channelOf, createNotices } from "../../src/stores/postgres-notices.ts";
import type { InjectedFault } from "../support/fault-report.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { describeWith } from "../support/needs.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../support/postgres-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOUR = 3_600_000;
// Longer than a busy machine takes for a notice to come round.
const PULSE_MS = 2000;

type Watch = NonNullable<SessionStore["watch"]>;

describeWith({ postgres }, "what a PostgreSQL store hears of others", () => {
  let server: PostgresServer;
  let admin: pg.Pool;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    admin = poolAt(server.url);
    await migrate(admin);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await admin?.end();
    await server?.dispose();
  });

  it("tells who watches that it hears nothing any more, and again when it does", async () => {
    const listenOn = poolAt(server.url);
    ends.push(() => listenOn.end());
    const store = postgresStore({ client: admin, listenOn, notify: true, namespace: randomUUID() });
    ends.push(() => store.close());
    const hear = listen(store.watch as Watch);
    await hear("lost");
    await hear("everything");
    const fault = await inject("the connection that listens is ended", async () => {
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
      );
      await hear("lost");
      await hear("everything");
    });
    await store.cutOff("ada", { keepUntil: Date.now() + HOUR }, Date.now());
    await hear("user");
    report(fault, "who watches is told so, and hears again");
  });

  it("listens on one connection that it is given, and leaves it open", async () => {
    const listenOn = new pg.Client({ connectionString: server.url });
    await listenOn.connect();
    ends.push(() => listenOn.end());
    const store = postgresStore({ client: admin, listenOn, notify: true, namespace: randomUUID() });
    const hear = listen(store.watch as Watch);
    await hear("everything");
    await store.cutOff("ada", { keepUntil: Date.now() + HOUR }, Date.now());
    await hear("user");
    await store.close();
    const { rows } = await listenOn.query("SELECT pg_listening_channels()");
    expect(rows).toEqual([]);
  });

  it("goes on hearing on that connection for who ends to watch and begins anew at once", async () => {
    const listenOn = new pg.Client({ connectionString: server.url });
    await listenOn.connect();
    ends.push(() => listenOn.end());
    const store = postgresStore({ client: admin, listenOn, notify: true, namespace: randomUUID() });
    ends.push(() => store.close());
    const first: string[] = [];
    const end = (store.watch as Watch)(({ kind }) => void first.push(kind));
    await until("it hears", async () => first.includes("everything"), 5);
    end();
    const hear = listen(store.watch as Watch);
    await hear("everything");
    // Whatever is still to be said on that connection is said before this.
    await listenOn.query("SELECT 1");
    const { rows } = await listenOn.query("SELECT pg_listening_channels()");
    expect(rows).toHaveLength(1);
  });

  it("is closed at once where listening could not begin yet", async () => {
    const proxy = await startTcpProxy(server.port);
    const full = new pg.Pool({ connectionString: server.url, max: 1 });
    const held = await full.connect();
    const { port } = proxy;
    // Nobody is there.
    await proxy.close();
    const down = postgresJs(server.url.replace(`:${server.port}/`, `:${port}/`));
    ends.push(
      () => down.end({ timeout: 0 }),
      () => full.end(),
      async () => held.release(),
    );
    for (const listenOn of [full, down]) {
      const store = postgresStore({ client: admin, listenOn, notify: true });
      const hear = listen(store.watch as Watch);
      await hear("lost");
      const closing = store.close().then(() => "closed");
      const late = new Promise((resolve) => setTimeout(resolve, 2000, "late"));
      expect(await Promise.race([closing, late])).toBe("closed");
    }
    // What it asked for and got too late does not stay out of the pool.
    held.release(true);
    ends.pop();
    expect((await full.query("SELECT 1")).rowCount).toBe(1);
  });

  it("is closed soon where the connection is dead without saying so", async () => {
    const proxy = await startTcpProxy(server.port);
    ends.push(() => proxy.close());
    const behind = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const one = new pg.Client({ connectionString: behind });
    await one.connect();
    one.on("error", () => undefined);
    const several = postgresJs(behind);
    ends.push(
      () => several.end({ timeout: 0 }),
      () => one.end(),
    );
    for (const listenOn of [one, several]) {
      const store = postgresStore({ client: admin, listenOn, notify: true });
      await listen(store.watch as Watch)("everything");
      proxy.silence();
      const closing = store.close().then(() => "closed");
      const late = new Promise((resolve) => setTimeout(resolve, 5000, "late"));
      expect(await Promise.race([closing, late])).toBe("closed");
    }
  });

  it("takes no connection once it is closed", async () => {
    const listenOn = poolAt(server.url);
    const store = postgresStore({ client: admin, listenOn, notify: true });
    await store.close();
    await listen(store.watch as Watch)("lost");
    // It would wait for a connection that listens.
    await listenOn.end();
    expect(listenOn.totalCount).toBe(0);
  });

  it("finds out by its pulse that it hears nothing, where no connection says so", async () => {
    const channel = channelOf("coatcheck", "pulse");
    const proxy = await startTcpProxy(server.port);
    ends.push(() => proxy.close());
    const behind = poolAt(server.url.replace(`:${server.port}/`, `:${proxy.port}/`));
    ends.push(() => behind.end());
    let pulses = 0;
    const beside = new pg.Client({ connectionString: server.url });
    await beside.connect();
    ends.push(() => beside.end());
    beside.on("notification", () => {
      pulses += 1;
    });
    await beside.query(`LISTEN ${channel}`);

    const calls = postgresCalls(admin, "client", false);
    const listenCalls = postgresCalls(behind, "listenOn", false);
    const notices = createNotices(calls, listenCalls, channel, PULSE_MS);
    ends.push(() => notices.close());
    const heard: string[] = [];
    const hear = listen(notices.watch, heard);
    await hear("lost");
    await hear("everything");
    await until("some pulses came back", async () => pulses >= 3);
    expect(heard).toEqual([]);
    const fault = await inject("notices dropped", async () => {
      proxy.weather = "deaf";
      await hear("lost");
      proxy.weather = "fair";
    });
    report(fault, "who watches is told so");
  });

  function report(fault: InjectedFault, checked: string): void {
    reportFaults({ on: "PostgreSQL", faults: [fault], checked });
  }
});

/** @returns what resolves when this kind of change was told, and forgets what was told before it. */
function listen(watch: Watch, heard: string[] = []): (kind: string) => Promise<void> {
  watch(({ kind }) => void heard.push(kind));
  return async (kind) => {
    await until(`"${kind}" is told`, async () => heard.includes(kind), 5);
    heard.splice(0, heard.indexOf(kind) + 1);
  };
}
