import mysql from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { runCli } from "../../../src/cli/run.ts";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { mariadbd, startMysql } from "../../support/mysql-server.ts";
import { describeWith } from "../../support/needs.ts";
import { poolAt, postgres, startPostgres } from "../../support/postgres-server.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runCli(["migrate", ...args], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

describe("coatcheck migrate", () => {
  it("prints that of MySQL, under the names that are asked for", async () => {
    const { out } = await run("mysql", "--print", "--prefix", "shop_");
    expect(out).toContain("CREATE TABLE IF NOT EXISTS shop_sessions (");
    expect(out).not.toContain("coatcheck_");
  });

  it("is misused without an address, with another database's, or with a wrong name", async () => {
    for (const args of [
      [],
      ["redis://a.test"],
      ["postgres"],
      ["postgres", "--print", "--schema=X"],
    ]) {
      expect(await run(...args)).toMatchObject({ code: 2, out: "" });
    }
  });

  it("is misused with the name of another database's tables, which would be made under the usual one", async () => {
    for (const [args, option] of [
      [["postgres", "--print", "--prefix=shop_"], "--prefix"],
      [["postgres?prefix=shop_", "--print"], "--prefix"],
      [["mysql", "--print", "--schema=shop"], "--schema"],
      [["mysql://127.0.0.1:1/shop?schema=shop"], "--schema"],
    ] as const) {
      const { code, out, err } = await run(...args);
      expect([code, out, err]).toEqual([
        2,
        "",
        expect.stringContaining(`\`${option}\` has no effect`),
      ]);
    }
  });

  it("says why it cannot connect, without the password", async () => {
    const { code, err } = await run("postgres://app:hunter22@127.0.0.1:1/shop");
    expect(code).toBe(1);
    expect(err).toContain("ECONNREFUSED");
    expect(err).not.toContain("hunter22");
  });
});

describeWith({ postgres }, "coatcheck migrate on PostgreSQL", () => {
  it("applies what is missing, from several places at once, and then nothing", async () => {
    const server = await startPostgres();
    const outs = await Promise.all([1, 2, 3].map(() => run(server.url)));
    expect(outs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outs.map(({ out }) => out).sort()).toEqual([
      "Applied: 1\n",
      "Up to date.\n",
      "Up to date.\n",
    ]);
    expect(await run(server.url)).toEqual({ code: 0, out: "Up to date.\n", err: "" });
    const client = poolAt(server.url);
    expect(await postgresStore({ client }).sweep(1, Date.now())).toBe(0);
    // The same by hand, in another place.
    const { out } = await run("postgres", "--print", "--schema", "by_hand");
    await client.query(out);
    const store = postgresStore({ client, schema: "by_hand" });
    expect(await store.list({ limit: 10 }, Date.now())).toEqual({ records: [] });
    await client.end();
    await server.dispose();
  });
});

describeWith({ mariadb: mariadbd }, "coatcheck migrate on MariaDB", () => {
  it("applies what is missing, from several places at once, and then nothing", async () => {
    const server = await startMysql();
    const outs = await Promise.all([1, 2, 3].map(() => run(server.uri)));
    expect(outs.map(({ out }) => out).sort()).toEqual([
      "Applied: 1\n",
      "Up to date.\n",
      "Up to date.\n",
    ]);
    const client = mysql.createPool({ uri: server.uri });
    expect(await mysqlStore({ client }).sweep(1, Date.now())).toBe(0);
    await client.end();
    await server.dispose();
  });
});
