import { mkdir, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import KeyvRedis from "@keyv/redis";
import session from "express-session";
import Keyv from "keyv";
import Keyv4 from "keyv4";
import { Keyv as Keyv6 } from "keyv6";
import { createClient } from "redis";
import sessionFileStore from "session-file-store";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import redisDriver from "unstorage/drivers/redis";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createSessions } from "../../../src/core/sessions.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import { expressSessionStore } from "../../../src/stores/express-session.ts";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { bridgeRedis, redisProgram } from "../../support/bridge-redis.ts";
import { describeWith } from "../../support/needs.ts";
import { answersNoVerb } from "../../support/store-closing.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const HOUR = 3_600_000;
const ID = "a".repeat(24);
const SECRET = "SrxvflNP2WYaPfax3dj0j6srk49f8-UQhoRGHJyfRe0";

const bridges: readonly [string, () => SessionStore][] = [
  ["keyvStore", () => keyvStore({ client: new Keyv({ throwOnErrors: true }) })],
  ["unstorageStore", () => unstorageStore({ client: createStorage() })],
  ["expressSessionStore", () => expressSessionStore({ client: new session.MemoryStore() })],
];

describe.each(bridges)("%s", (_name, make) => {
  it("is refused by the core, until what it cannot do is accepted by name", () => {
    const options = { secrets: [SECRET], store: make() };
    expect(() => createSessions(options)).toThrow(/acceptUnconditionalStore/);
    expect(() => createSessions({ ...options, acceptUnconditionalStore: true })).not.toThrow();
  });

  it("says what it may forget, and that it is for one process", () => {
    const { conditionalWrites, forgets, shared } = make().traits;
    expect({ conditionalWrites, shared }).toEqual({ conditionalWrites: false, shared: false });
    expect(forgets).toEqual(["restart", "eviction", "failover"]);
  });
});

describe.each(bridges)("%s that is closed", (_name, make) => {
  it("answers no verb", async () => {
    const store = make() as SessionStore & Revocations;
    await store.close();
    await answersNoVerb(store, "store is closed");
  });
});

describe("options of a bridge", () => {
  it.each([
    ["client", { client: undefined }],
    ["client", { client: { get() {}, set() {} } }],
    ["client", { client: new Keyv() }],
    [
      "client",
      { client: new Keyv({ store: new KeyvRedis("redis://127.0.0.1:1"), throwOnErrors: true }) },
    ],
    ["prefix", { client: new Keyv4(), prefix: "a b" }],
    ["forgets", { client: new Keyv4(), forgets: ["everything"] }],
    ["clock", { client: new Keyv4(), clock: 5 }],
  ])("are refused by name: %s", (option, options) => {
    const make = () => keyvStore(options as unknown as { client: Keyv });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(new RegExp(option));
  });

  it("leave nothing on a Keyv that they refuse", () => {
    const client = new Keyv4();
    const before = client.listenerCount("error");
    expect(() => keyvStore({ client, prefix: "a b" })).toThrow(ConfigError);
    expect(client.listenerCount("error")).toBe(before);
  });

  it("name a storage, and a store, that lack a method", () => {
    const client = {} as never;
    expect(() => unstorageStore({ client })).toThrow(/no getItem, no setItem, no removeItem/);
    expect(() => expressSessionStore({ client })).toThrow(/no get, no set, no destroy/);
  });
});

describe("within one process", () => {
  it("P4 stores that were made twice on one client lose none of each other's changes", async () => {
    const client = new Keyv({ throwOnErrors: true });
    const stores = [keyvStore({ client }), keyvStore({ client })];
    await add(stores[0] as SessionStore);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (stores[index % 2] as SessionStore).update(ID, 1, next(`${index}`), Date.now()),
      ),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  it("who waits for one key shares a read, and a write", async () => {
    const client = counted();
    const store = keyvStore({ client });
    await add(store);
    client.calls.length = 0;
    await Promise.all(Array.from({ length: 50 }, () => store.touch(ID, 1, 1, Date.now())));
    expect(client.calls).toEqual(["get"]);
    // These wait for the one that has begun.
    client.calls.length = 0;
    const touch = () => store.touch(ID, 1, 1, Date.now());
    const first = touch();
    while (client.calls.length === 0) await undefined;
    await Promise.all([first, touch(), touch()]);
    expect(client.calls).toEqual(["get", "get"]);
  });

  it("enters a session and its user at once, also where one piece of the directory holds both", async () => {
    const client = counted();
    const store = keyvStore({ client });
    const counts = new Set<number>();
    for (let n = 0; n < 200; n += 1) {
      client.calls.length = 0;
      await add(store, `${n}`.padStart(24, "A"), `user ${n}`);
      counts.add(client.calls.length);
    }
    // The session, the user, and one piece of the directory or two: each is read and written.
    expect([...counts].sort()).toEqual([6, 8]);
  });

  it("asks once to read a visitor's session, twice for a user's, and twice to write", async () => {
    const client = counted();
    const store = keyvStore({ client });
    await add(store);
    await add(store, "v".repeat(24), undefined);
    client.calls.length = 0;
    await store.load("v".repeat(24));
    expect(client.calls.splice(0)).toEqual(["get"]);
    await store.load(ID);
    expect(client.calls.splice(0)).toEqual(["get", "get"]);
    expect(await store.update(ID, 1, next("second"), Date.now())).toBe(true);
    expect(client.calls.splice(0)).toEqual(["get", "set"]);
  });

  it("P10 an error of the backend is an error, and the next in turn goes on", async () => {
    const client = counted();
    const store = keyvStore({ client });
    await add(store);
    client.fail = true;
    const answers = await Promise.allSettled([store.load(ID), store.load(ID)]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    client.fail = false;
    expect(await store.load(ID)).toBeDefined();
  });

  it.each([
    ["a user's sessions", "ada", 2000, 2],
    ["everyone's", undefined, 4000, 4],
  ])(
    "looks at so many for a page of %s, and goes on from there",
    async (_what, userId, length, most) => {
      const client = counted();
      const store = keyvStore({ client });
      const ids = Array.from({ length }, (_, index) => `${index}`.padStart(24, "A"));
      const live = new Set(ids.filter((_, index) => index % 1900 === 1899));
      const now = Date.now();
      for (const id of ids) {
        const times = { lastSeenAt: now, expiresAt: now + (live.has(id) ? HOUR : 1) };
        const user = userId ?? `user ${id}`;
        await store.create({ id, userId: user, ...times, closed: false, body: "" }, 0, now);
      }
      const found: string[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        client.calls.length = 0;
        const page = await store.list({ userId, limit: 10, cursor }, now + 1);
        expect(client.calls.length).toBeLessThan(1200);
        found.push(...page.records.map(({ id }) => id));
        ({ cursor } = page);
        pages += 1;
      } while (cursor !== undefined);
      expect(found.sort()).toEqual([...live].sort());
      expect(pages).toBe(most);
    },
  );

  describe("a call that the database does not answer", () => {
    /** A Keyv of which one call hangs, and a clock that can be put forward. */
    function hanging() {
      const client = counted();
      const { get, set } = client;
      const hung: ((go?: Promise<never>) => void)[] = [];
      const hang = () => new Promise<void>((resolve) => hung.push(resolve));
      const real = performance.now.bind(performance);
      let ahead = 0;
      const clock = vi.spyOn(performance, "now").mockImplementation(() => real() + ahead);
      const hangs = { get: false, set: false };
      client.get = async (key: string) => {
        if (hangs.get) await hang();
        return get.call(client, key);
      };
      client.set = async (key: string, value: string) => {
        if (hangs.set) await hang();
        return set.call(client, key, value);
      };
      onTestFinished(() => clock.mockRestore());
      const later = (ms: number): void => {
        ahead += ms;
      };
      return { client, hung, hangs, later };
    }

    it("P10 is given up when it reads, and its answer changes nothing", async () => {
      const { client, hung, hangs, later } = hanging();
      const store = keyvStore({ client });
      await add(store);
      hangs.get = true;
      const touched = store.touch(ID, 1, Date.now() + 2 * HOUR, Date.now());
      while (hung.length === 0) await undefined;
      hangs.get = false;
      const waits = store.update(ID, 1, next("second"), Date.now());
      later(9000);
      const waitsToo = store.load(ID);
      later(2000);
      expect(await store.update(ID, 2, next("third"), Date.now())).toBe(true);
      expect(await waits).toBe(true);
      expect((await waitsToo)?.record.revision).toBe(2);
      for (const go of hung) go();
      await expect(touched).rejects.toThrow("too late");
      expect((await store.load(ID))?.record.body).toBe("third");
    });

    it("P5 has all that comes after a write refused until it is answered, as it may land late", async () => {
      const { client, hung, hangs, later } = hanging();
      const store = keyvStore({ client });
      await add(store);
      hangs.set = true;
      const updated = store.update(ID, 1, next("second"), Date.now());
      while (hung.length === 0) await undefined;
      hangs.set = false;
      const end = { ...next(""), close: true };
      const waits = store.update(ID, 2, end, Date.now());
      const refused = expect(waits).rejects.toThrow("no answer yet");
      later(11_000);
      await expect(store.load(ID)).rejects.toThrow("no answer yet");
      await refused;
      for (const go of hung) go();
      expect(await updated).toBe(true);
      expect(await store.update(ID, 2, end, Date.now())).toBe(true);
      expect((await store.load(ID))?.record.closed).toBe(true);
    });
  });

  it.each([
    ["4", (store: object) => new Keyv4({ store: store as never })],
    ["5", (store: object) => new Keyv({ store: store as never, throwOnErrors: true })],
    ["6", (store: object) => new Keyv6({ store: store as never })],
  ])("P10 Keyv %s with an adapter that fails is an error in every verb", async (_version, make) => {
    const texts = new Map<string, unknown>();
    let isDown = false;
    const adapter = {
      opts: {},
      on: () => adapter,
      get: async (key: string) => (isDown ? Promise.reject(new Error("down")) : texts.get(key)),
      set: async (key: string, value: unknown) =>
        isDown ? Promise.reject(new Error("down")) : texts.set(key, value) === texts,
      delete: async (key: string) =>
        isDown ? Promise.reject(new Error("down")) : texts.delete(key),
      clear: async () => texts.clear(),
    };
    const client = make(adapter);
    client.on("error", () => undefined);
    const store = keyvStore({ client });
    await add(store);
    expect(await store.load(ID)).toBeDefined();
    expect(await store.update(ID, 1, next("second"), Date.now())).toBe(true);
    isDown = true;
    const now = Date.now();
    await expect(store.load(ID)).rejects.toThrow();
    await expect(store.update(ID, 2, next("third"), now)).rejects.toThrow();
    await expect(store.touch(ID, now + 9, now + 2 * HOUR, now)).rejects.toThrow();
    await expect(store.cutOff("ada", { keepUntil: now }, now)).rejects.toThrow();
    await expect(store.list({ limit: 1 }, now)).rejects.toThrow();
    isDown = false;
    expect((await store.load(ID))?.record.body).toBe("second");
  });

  it.each([
    ["4", new Keyv4()],
    ["5", new Keyv({ throwOnErrors: true })],
    ["6", new Keyv6()],
  ])("leaves no listener behind on a Keyv %s", async (_version, client) => {
    const emitter = client as unknown as { listeners(event: string): readonly unknown[] };
    const before = emitter.listeners("error")?.length ?? 0;
    const store = keyvStore({ client });
    expect(emitter.listeners("error")).toHaveLength(before + 1);
    await store.close();
    expect(emitter.listeners("error") ?? []).toHaveLength(before);
  });

  it("P10 Keyv without its database is an error, never an absent session", async () => {
    const adapter = new KeyvRedis(
      { url: "redis://127.0.0.1:1", socket: { reconnectStrategy: false } },
      { throwOnErrors: true },
    );
    const client = new Keyv({ store: adapter, throwOnErrors: true });
    client.on("error", () => undefined);
    await expect(keyvStore({ client }).load(ID)).rejects.toThrow();
  });
});

describe("two processes", () => {
  it("do bring back what one of them has ended, and so the bridges ask to be accepted", async () => {
    const client = counted();
    // Another client object: nothing that is in memory is shared.
    const processes = [{ ...client }, { ...client }].map((own) => ({
      own,
      store: keyvStore({ client: own }),
    }));
    const [slow, quick] = processes as [(typeof processes)[0], (typeof processes)[0]];
    await add(quick.store, ID, undefined);
    const now = Date.now();
    let goOn = (): void => undefined;
    const set = slow.own.set;
    slow.own.set = async (key, value) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return set(key, value);
    };
    const late = slow.store.update(ID, 1, next("late"), now);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await quick.store.update(ID, 1, { ...next("ended"), close: true }, now)).toBe(true);
    expect((await quick.store.load(ID))?.record.closed).toBe(true);
    goOn();
    expect(await late).toBe(true);
    expect((await quick.store.load(ID))?.record).toMatchObject({ closed: false, body: "late" });
  });
});

describeWith({ "redis-server": redisProgram }, "unstorage in Redis", () => {
  it("P13 tells of a write that failed why, and not what was written", async () => {
    const redis = await bridgeRedis();
    onTestFinished(() => redis.stop());
    const client = createStorage({ driver: redisDriver({ url: redis.url }) });
    onTestFinished(() => client.dispose());
    await client.getItem("a");
    const admin = await createClient({ url: redis.url }).connect();
    await admin.configSet("maxmemory", "1");
    admin.destroy();
    const store = unstorageStore({ client });
    const record = { id: "a".repeat(24), userId: undefined, lastSeenAt: 1, expiresAt: 2 ** 45 };
    const failure = await store
      .create({ ...record, closed: false, body: '{"d":"private data"}' }, 0, 1)
      .catch((error: unknown) => error);
    const words = inspect(failure, { depth: 9 });
    expect(words).toMatch(/OOM command not allowed/);
    expect(words).not.toContain("private data");
  });
});

describe("unstorage in a folder", () => {
  it("takes a file that was not finished for one that is not there", async () => {
    const base = await temporaryFolder("torn");
    const store = unstorageStore({ client: createStorage({ driver: fsDriver({ base }) }) });
    await add(store);
    const file = await fileOf(base, "s");
    const { size } = await stat(file);
    for (const length of [size - 1, 20, 12, 5, 0]) {
      await truncate(file, length);
      expect(await store.load(ID), `${length} bytes`).toBeUndefined();
    }
    await rm(base, { recursive: true });
  });

  it("keeps ids apart where a file system takes a and A for the same", async () => {
    const base = await temporaryFolder("case");
    await mkdir(base, { recursive: true });
    const store = unstorageStore({ client: createStorage({ driver: fsDriver({ base }) }) });
    await add(store);
    await add(store, "A".repeat(24));
    const names = await readdir(join(base, "coatcheck"));
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    expect(await readFile(await fileOf(base, "s"), "utf8")).toContain("ada");
    await rm(base, { recursive: true });
  });

  it("is an error where something else uses its keys", async () => {
    const client = createStorage();
    const store = unstorageStore({ client });
    await add(store);
    for (const key of await client.getKeys()) await client.setItem(key, { some: "thing" });
    await expect(store.load(ID)).rejects.toThrow("did not write");
  });
});

function next(body: string) {
  return { body, lastSeenAt: Date.now(), expiresAt: Date.now() + HOUR };
}

async function add(store: SessionStore, id = ID, ...users: (string | undefined)[]): Promise<void> {
  const now = Date.now();
  const [userId] = users.length === 0 ? ["ada"] : users;
  const record = { id, userId, ...next("first"), closed: false };
  expect(await store.create(record, 0, now)).toBe("created");
}

async function fileOf(base: string, kind: string): Promise<string> {
  const names = await readdir(join(base, "coatcheck"));
  return join(base, "coatcheck", names.find((name) => name.startsWith(kind)) as string);
}

/** A map behind the methods of a Keyv, that notes its calls and may fail. */
function counted() {
  const texts = new Map<string, string>();
  const client = {
    calls: [] as string[],
    fail: false,
    note(call: string): void {
      client.calls.push(call);
      if (client.fail) throw new Error("no answer");
    },
    async get(key: string): Promise<unknown> {
      client.note("get");
      return texts.get(key);
    },
    async set(key: string, value: string): Promise<unknown> {
      client.note("set");
      return texts.set(key, value);
    },
    async delete(key: string): Promise<unknown> {
      client.note("delete");
      return texts.delete(key);
    },
  };
  return client;
}

describe("expressSessionStore on files", () => {
  it("P9 what could not be written is an error, and what is not there is no session", async () => {
    const path = await temporaryFolder("bridge");
    const client = new (sessionFileStore(session))({
      ...{ path, retries: 0, reapInterval: -1, logFn: () => undefined },
    });
    const store = expressSessionStore({ client });
    expect(await store.load(ID)).toBeUndefined();
    await rm(path, { recursive: true });
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + HOUR };
    const record = { id: ID, userId: undefined, ...times, closed: false, body: "" };
    await expect(store.create(record, 0, now)).rejects.toThrow("ENOENT");
  });
});
