import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { D1Like, D1StoreOptions } from "../../../src/stores/cloudflare-d1.ts";
import { d1Schema, d1Store } from "../../../src/stores/cloudflare-d1.ts";
import type {
  DurableObjectNamespaceLike,
  DurableObjectStoreOptions,
} from "../../../src/stores/cloudflare-do.ts";
import { durableObjectStore, SessionsObject } from "../../../src/stores/cloudflare-do.ts";
import { describeBetterSqlite } from "../../support/describe-better-sqlite.ts";

// What they do is tried inside workerd: test/dist/runtimes.

const database: D1Like = { prepare: () => ({ bind: () => undefined }), batch: async () => [] };

describe("d1Store", () => {
  it.each<[string, Partial<Record<keyof D1StoreOptions, unknown>>]>([
    ["client", { client: undefined }],
    ["client", { client: { prepare() {} } }],
    ["prefix", { prefix: "Sessions; DROP" }],
    ["prefix", { prefix: "" }],
    ["clock", { clock: 1 }],
  ])("refuses a wrong %s by name", (option, wrong) => {
    const make = () => d1Store({ client: database, ...wrong } as D1StoreOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(new RegExp(option));
  });

  it("makes its tables once, again after a failure, and not at all when told so", async () => {
    let sent: number[] = [];
    let isDown = true;
    const client: D1Like = {
      ...database,
      async batch(statements: never[]) {
        sent.push(statements.length);
        if (isDown) throw new Error("down");
        return statements.map(() => ({ results: [] }));
      },
    };
    const store = d1Store({ client });
    await expect(store.load("a")).rejects.toThrow("down");
    isDown = false;
    await Promise.all([store.load("a"), store.load("b")]);
    expect(sent).toEqual([5, 5, 1, 1]);
    sent = [];
    await d1Store({ client, createTables: false }).load("a");
    expect(sent).toEqual([1]);
    expect(d1Schema("x_").match(/CREATE/g)).toHaveLength(5);
  });

  it("is an error when it is closed", async () => {
    const store = d1Store({ client: database });
    await store.close();
    await expect(store.load("a")).rejects.toThrow("closed");
  });
});

describeBetterSqlite("SessionsObject", (open) => {
  it("makes its tables again when what they were made for was rolled back", async () => {
    const database = open(":memory:");
    const object = new SessionsObject({
      storage: {
        sql: {
          exec(sql, ...values) {
            const statement = database.prepare(sql);
            const rows = statement.reader ? statement.all(...values) : [];
            if (!statement.reader) statement.run(...values);
            return { toArray: () => rows };
          },
        },
        transactionSync: (work) => database.transaction(work)(),
      },
    });
    const send = (sql: string) =>
      object.fetch({ json: async () => ({ prefix: "coatcheck_", statements: [[sql]] }) });
    await expect(send("SELECT * FROM nowhere")).rejects.toThrow("nowhere");
    const reply = await send("SELECT count(*) AS count FROM coatcheck_sessions");
    expect(await reply.json()).toEqual([[{ count: 0 }]]);
    database.close();
  });
});

describe("durableObjectStore", () => {
  const namespace: DurableObjectNamespaceLike = {
    idFromName: (name) => name,
    get: (id) => ({
      fetch: async () => ({
        ok: false,
        json: async () => undefined,
        text: async () => `no ${String(id)}`,
      }),
    }),
  };

  it.each<[string, Partial<Record<keyof DurableObjectStoreOptions, unknown>>]>([
    ["client", { client: undefined }],
    ["client", { client: database }],
    ["objects", { objects: 0 }],
    ["objects", { objects: 1.5 }],
    ["objects", { objects: 1025 }],
    ["prefix", { prefix: "A" }],
    ["clock", { clock: 1 }],
  ])("refuses a wrong %s by name", (option, wrong) => {
    const make = () =>
      durableObjectStore({ client: namespace, ...wrong } as DurableObjectStoreOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(new RegExp(option));
  });

  it("P10 what an object refuses is an error, and the key of the homes is asked for again", async () => {
    const store = durableObjectStore({ client: namespace });
    await expect(store.load("a".repeat(24))).rejects.toThrow(
      /the object answered: no coatcheck_\d+/,
    );
    await expect(store.home?.("ada")).rejects.toThrow("coatcheck_common");
    await expect(store.home?.("ada")).rejects.toThrow("coatcheck_common");
  });
});
