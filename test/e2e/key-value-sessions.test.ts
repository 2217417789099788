import Keyv from "keyv";
import { MemcacheClient } from "memcache-client";
import { createStorage } from "unstorage";
import { afterAll, describe, expect, it } from "vitest";
import { createSessions, StoreUnavailableError } from "../../src/index.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { keyvStore } from "../../src/stores/keyv.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { unstorageStore } from "../../src/stores/unstorage.ts";
import { signedInCookie } from "../../src/testing/signed-in-cookie.ts";
import { memcachedProgram, memcachedServer } from "../support/memcached.ts";
import { describeWith } from "../support/needs.ts";
import { SECRET } from "../support/ways.ts";

function appOn(store: SessionStore) {
  const accepted = store.traits.conditionalWrites ? {} : { acceptUnconditionalStore: true };
  const sessions = createSessions<{ cart: string[] }>({ secrets: [SECRET], store, ...accepted });
  const open = (cookie: string) => sessions.open({ headers: { cookie } });
  return { sessions, open };
}

/** What people do with a session, on any store. */
function aSession(make: () => SessionStore): void {
  it("P4 P5 is kept, changed by many at once, listed, and ended for good", async () => {
    const { sessions, open } = appOn(make());
    const phone = await signedInCookie(sessions, "ada", { data: { cart: ["tea"] } });
    const laptop = await signedInCookie(sessions, "ada");
    const bobs = await signedInCookie(sessions, "bob");
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        await open(phone).update("cart", (cart = []) => [...cart, `${index}`]);
      }),
    );
    expect((await open(phone).load()).get("cart")).toHaveLength(21);
    const devices = [];
    for await (const device of sessions.list("ada")) devices.push(device.id);
    expect(devices).toHaveLength(2);

    const leaving = open(laptop);
    await leaving.signOut();
    await leaving.commit({ at: "head" });
    expect((await open(laptop).load()).userId).toBeUndefined();
    expect((await open(phone).load()).userId).toBe("ada");

    await sessions.revokeUser("ada");
    expect((await open(phone).load()).userId).toBeUndefined();
    expect((await open(bobs).load()).userId).toBe("bob");
    const again = await signedInCookie(sessions, "ada");
    expect((await open(again).load()).userId).toBe("ada");
    expect((await open(phone).load()).userId).toBeUndefined();
    await sessions.close();
  });
}

describe("a session in Keyv", () => {
  aSession(() => keyvStore({ client: new Keyv({ throwOnErrors: true }) }));
});

describe("a session in unstorage", () => {
  aSession(() => unstorageStore({ client: createStorage() }));
});

describeWith({ memcached: memcachedProgram }, "a session in Memcached", () => {
  const ends: (() => unknown)[] = [];
  afterAll(async () => {
    for (const end of ends) await end();
  });
  let server: ReturnType<typeof memcachedServer> | undefined;

  async function connect(): Promise<MemcacheClient> {
    server ??= memcachedServer();
    const { address, kill } = await server;
    const client = new MemcacheClient({ server: address, cmdTimeout: 1000, noDelay: true });
    ends.push(() => client.shutdown(), kill);
    return client;
  }

  aSession(() => {
    // The client connects when it is first asked, and by then there is a server.
    const client = connect();
    const asked =
      (name: "gets" | "add" | "append" | "cas") =>
      async (...values: never[]) =>
        ((await client)[name] as (...values: never[]) => Promise<unknown>)(...values);
    return memcachedStore({
      client: {
        xsend: () => undefined,
        gets: asked("gets"),
        add: asked("add"),
        append: asked("append"),
        cas: asked("cas"),
      } as never,
    });
  });

  it("P10 is out of reach while the server is down, and gone when it is back, by nobody's doing", async () => {
    const { address, kill, start } = await memcachedServer();
    const client = new MemcacheClient({ server: address, cmdTimeout: 1000 });
    ends.push(() => client.shutdown(), kill);
    const { sessions, open } = appOn(memcachedStore({ client }));
    const cookie = await signedInCookie(sessions, "ada");
    await kill();
    const request = open(cookie);
    await expect(request.load()).rejects.toBeInstanceOf(StoreUnavailableError);
    const changes = await request.commit({ at: "head" }).catch(() => ({ cookies: [] }));
    expect(changes.cookies).toEqual([]);
    await start();
    expect((await open(cookie).load()).userId).toBeUndefined();
    expect((await open(await signedInCookie(sessions, "ada")).load()).userId).toBe("ada");
  });

  it("says that everyone cannot be signed out at once here", async () => {
    const { sessions } = appOn(memcachedStore({ client: await connect() }));
    await expect(sessions.revokeEveryone()).rejects.toThrow(/revokeEveryone/);
  });
});
