import { readFileSync } from "node:fs";
import connectPgSimpleLibrary from "connect-pg-simple";
import express from "express";
import session from "express-session";
import type pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  connectPgSimple,
  expressSession,
  inBackend,
} from "../../../src/interop/express-session.ts";
import type { ForeignRecords } from "../../../src/interop/source.ts";
import { describeWith } from "../../support/needs.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { poolAt, postgres, startPostgres } from "../../support/postgres-server.ts";
import type { Site } from "./browser.ts";
import { opened, refusal, serve } from "./browser.ts";
import { covering } from "./covered.ts";

const cover = covering("connect-pg-simple");

const SECRET = "a secret of the old app";
const HOUR = 3_600_000;

describeWith({ postgres }, "connect-pg-simple, live", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let store: session.Store & { close(): Promise<void> | void };
  let site: Site;

  beforeAll(async () => {
    // West of Greenwich: the column has no time zone.
    server = await startPostgres({ fsync: "off", timezone: "America/Lima" });
    pool = poolAt(server.url);
    const table = new URL("table.sql", import.meta.resolve("connect-pg-simple"));
    await pool.query(readFileSync(table, "utf8"));
    store = new (connectPgSimpleLibrary(session))({ pool, pruneSessionInterval: false });
    const app = express();
    const options = { secret: SECRET, resave: false, saveUninitialized: false };
    app.use(session({ ...options, store, cookie: { maxAge: HOUR } }));
    app.get("/set", (request, response) => {
      Object.assign(request.session, { passport: { user: 42 }, name: "Zoë ❄" });
      response.json(request.sessionID);
    });
    app.get("/see", (request, response) => {
      const { cookie: _, ...data } = JSON.parse(JSON.stringify(request.session));
      response.json(data);
    });
    site = await serve(app);
  }, 120_000);
  afterAll(async () => {
    await site?.close();
    await store?.close();
    await pool?.end();
    await server?.dispose();
  });

  /** As the page shows it: times as seconds since the epoch, whatever the zone of the server. */
  const rows: ForeignRecords = {
    async read(key) {
      const { rows } = await pool.query(
        `SELECT sess::text AS value, extract(epoch FROM expire::timestamptz) * 1000 AS "expiresAt"
         FROM session WHERE sid = $1`,
        [key],
      );
      const [row] = rows;
      return row && { value: row.value, expiresAt: Number(row.expiresAt) };
    },
    async write(key, { value, expiresAt = 0 }) {
      await pool.query(
        `INSERT INTO session (sid, sess, expire) VALUES ($1, $2, to_timestamp($3))
         ON CONFLICT (sid) DO UPDATE SET sess = $2, expire = to_timestamp($3)`,
        [key, value, expiresAt / 1000],
      );
    },
    async remove(key) {
      await pool.query("DELETE FROM session WHERE sid = $1", [key]);
    },
  };

  it("is read and written in its table, and through the store object", async () => {
    for (const each of [inBackend(connectPgSimple(), rows), store]) {
      const source = expressSession({ secret: SECRET, store: each, cookie: { maxAge: HOUR } });
      const browser = site.browser();
      const sid = await browser.get("/set");
      const found = await opened(source, browser.read);
      expect(found).toMatchObject({
        identity: sid,
        recordKey: sid,
        userId: "42",
        data: { passport: { user: 42 }, name: "Zoë ❄" },
      });
      await source.seal({ ...found, data: { ...found.data, by: "us" } }, Date.now());
      expect(await browser.get("/see")).toEqual({ ...found.data, by: "us" });
      const made = await source.seal({ data: { new: true } }, Date.now());
      const other = site.browser();
      other.take(made.cookies);
      expect(await other.get("/see")).toEqual({ new: true });
      await source.remove?.(found);
      expect(await browser.get("/see")).toEqual({});
    }
    cover({ library: "connect-pg-simple", what: "records" });
  });

  it("ends when the library's own condition says so, in any time zone", async () => {
    const source = expressSession({ secret: SECRET, store: inBackend(connectPgSimple(), rows) });
    const browser = site.browser();
    const sid = await browser.get("/set");
    const cookies = Object.fromEntries(browser.cookies);
    expect((await rows.read(`${sid}`))?.expiresAt).toBeGreaterThan(Date.now() + HOUR - 10_000);
    expect((await rows.read(`${sid}`))?.expiresAt).toBeLessThan(Date.now() + HOUR + 10_000);
    expect(await refusal(source, cookies)).toBe("taken");
    await pool.query("UPDATE session SET expire = to_timestamp($1) WHERE sid = $2", [
      Date.now() / 1000 - 1,
      sid,
    ]);
    expect(await refusal(source, cookies)).toBe("expired");
    expect(await browser.get("/see")).toEqual({});
  });
});
