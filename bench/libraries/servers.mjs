/**
 * Stores on database servers, each with its client as its page recommends, and with counters around it.
 *
 * A kind has `store`, `inFlight`, `calls` (every round trip), `version`, `room()`, `traffic()` (what has gone
 * over the wire and into the log so far, in bytes), `settle()` (what a server does in idle hours) and `close()`;
 * where each write waits for the disk `hurry(isHurried)`, after which none does; and where one connection can have
 * several calls under way `spread(n)`: on how many connections they go from then on.
 *
 * @module
 */

import { built } from "./built.mjs";

export const serverKinds = {
  async redis(url) {
    const { createClient } = await import("redis");
    const { redisStore } = await built("stores/redis");
    const client = createClient({ url });
    await client.connect();
    const info = async (section) => fieldsOf(await client.sendCommand(["INFO", section]));
    const calls = callCounter();
    let clients = [client];
    let next = 0;
    const sendCommand = (args) => {
      next = (next + 1) % clients.length;
      return calls.count(() => clients[next].sendCommand(args));
    };
    return {
      store: redisStore({ client: { sendCommand } }),
      inFlight: 64,
      calls,
      version: `Redis ${/redis_version:(\S+)/.exec(String(await client.sendCommand(["INFO", "server"])))[1]}`,
      async spread(count) {
        for (const one of clients.slice(1)) one.destroy();
        const more = Array.from({ length: count - 1 }, () => createClient({ url }).connect());
        clients = [client, ...(await Promise.all(more))];
      },
      async room() {
        const { used_memory, used_memory_rss } = await info("memory");
        return { bytes: used_memory, resident: used_memory_rss };
      },
      async traffic() {
        const { total_net_input_bytes, total_net_output_bytes } = await info("stats");
        return { sent: total_net_input_bytes, received: total_net_output_bytes };
      },
      async settle() {},
      close: () => client.close(),
    };
  },

  async postgres(url) {
    const { default: pg } = await import("pg");
    const { migrate, postgresStore } = await built("stores/postgres");
    const pool = new pg.Pool({ connectionString: url, max: 32 });
    const sockets = [];
    pool.on("connect", ({ connection }) => sockets.push(connection.stream));
    await migrate(pool);
    const calls = callCounter();
    const counted = {
      query: (config) => calls.count(() => pool.query(config)),
      connect: () => pool.connect(),
    };
    const numbers = async (text) => {
      const { rows } = await pool.query({ text, rowMode: "array" });
      return rows[0].map(Number);
    };
    const sum = (what) => sockets.reduce((total, socket) => total + socket[what], 0);
    return {
      store: postgresStore({ client: counted, prepare: true }),
      inFlight: 32,
      calls,
      version: `PostgreSQL ${(await pool.query("SHOW server_version")).rows[0].server_version}`,
      async room() {
        const [bytes, table] = await numbers(
          "SELECT pg_total_relation_size('coatcheck.sessions'), pg_table_size('coatcheck.sessions')",
        );
        return { bytes, table };
      },
      async traffic() {
        const [logged] = await numbers("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn");
        return { sent: sum("bytesWritten"), received: sum("bytesRead"), logged };
      },
      async hurry(isHurried) {
        await pool.query(`ALTER SYSTEM SET synchronous_commit = ${isHurried ? "off" : "on"}`);
        await pool.query("SELECT pg_reload_conf()");
      },
      async settle() {
        await pool.query("VACUUM (ANALYZE) coatcheck.sessions");
        await pool.query("CHECKPOINT");
      },
      close: () => pool.end(),
    };
  },
};

/** Counts round trips, and knows the longest since it was last asked. */
function callCounter() {
  let count = 0;
  let longestMs = 0;
  return {
    async count(call) {
      count += 1;
      const from = performance.now();
      try {
        return await call();
      } finally {
        longestMs = Math.max(longestMs, performance.now() - from);
      }
    },
    take() {
      const taken = { count, longestMs };
      count = 0;
      longestMs = 0;
      return taken;
    },
  };
}

function fieldsOf(text) {
  const lines = String(text).split("\r\n");
  return Object.fromEntries(
    lines.map((line) => [line.split(":")[0], Number(line.slice(line.indexOf(":") + 1))]),
  );
}
