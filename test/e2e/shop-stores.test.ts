import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import { mariadbd, startMysql } from "../support/mysql-server.ts";
import { describeWith } from "../support/needs.ts";
import { postgres, startPostgres } from "../support/postgres-server.ts";
import { redisServer, startRedis } from "../support/redis-servers.ts";
import type { BuiltShop } from "../support/shop.ts";
import { buildShop, dataFolder, startShop } from "../support/shop.ts";
import { newVisitor } from "../support/visitor.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const password = seeds.find(({ id }) => id === "ada")?.password ?? "";
let built: BuiltShop;

beforeAll(async () => {
  built = await buildShop();
});

afterAll(async () => {
  await built?.remove();
});

interface Place {
  readonly address: string;
  dispose(): Promise<unknown>;
}

/** Signs in, fills the cart, stops the shop, and comes back. */
async function behavesTheSame({ address, dispose }: Place): Promise<void> {
  const data = await dataFolder(built);
  try {
    let shop = await startShop(built, { SHOP_DATA: data, STORE: address });
    const port = String(shop.port);
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "umbrella", change: "more" });
    expect((await visitor.post("/sign-in", { name: "ada", password, next: "/" })).status).toBe(303);
    const other = newVisitor(shop.url);
    await other.post("/sign-in", { name: "ada", password, next: "/" });
    expect(
      (await visitor.get("/account/devices")).text.match(/name="revoke" value="[^"]{24}"/g),
    ).toHaveLength(1);
    await shop.stop("SIGTERM");
    shop = await startShop(built, { SHOP_DATA: data, STORE: address, PORT: port });
    expect((await visitor.get("/")).text).toContain("Sign out");
    await visitor.post("/sign-out", {});
    expect((await visitor.get("/")).text).not.toContain("Sign out");
    expect((await other.get("/")).text).toContain("Sign out");
    expect(shop.output()).not.toMatch(/error/i);
    await shop.stop("SIGTERM");
  } finally {
    await dispose();
  }
}

describeWith({}, "the shop with another store", () => {
  it("keeps its sessions in a folder of files", async () => {
    await behavesTheSame({ address: `file:${await dataFolder(built)}`, dispose: async () => {} });
  });
});

describeWith({ "redis-server": redisServer }, "the shop with Redis", () => {
  it("behaves the same", async () => {
    const server = await startRedis();
    await behavesTheSame({ address: server.url, dispose: () => server.stop() });
  });
});

describeWith({ postgres }, "the shop with PostgreSQL", () => {
  it("behaves the same", async () => {
    const server = await startPostgres();
    await behavesTheSame({ address: server.url, dispose: () => server.dispose() });
  });
});

describeWith({ mariadb: mariadbd }, "the shop with MySQL", () => {
  it("behaves the same", async () => {
    const server = await startMysql();
    await behavesTheSame({ address: server.uri, dispose: () => server.dispose() });
  });
});
