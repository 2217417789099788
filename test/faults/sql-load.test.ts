import { afterAll, afterEach, beforeAll, it, vi } from "vitest";
import { openStore } from "../../src/cli/open-store.ts";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { tryNetwork } from "../support/bad-network.ts";
import { startWork } from "../support/history.ts";
import { describeWith } from "../support/needs.ts";
import { killRounds } from "../support/sql-lanes.ts";
import type { StoreServer } from "../support/store-servers.ts";
import { MARIADB, POSTGRES } from "../support/store-servers.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { expectNothingLost } from "../support/verdict.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const ROUNDS = 5;

for (const kind of [MARIADB, POSTGRES]) {
  const { name } = kind;
  describeWith(kind.programs, `${name} under load`, () => {
    let server: StoreServer;
    const ends: (() => unknown)[] = [];

    beforeAll(async () => {
      server = await kind.open();
    });
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end();
    });
    afterAll(() => server?.dispose());

    /** A store of one process. */
    async function open(address = server.address): Promise<SessionStore & Revocations> {
      const { store, close } = await openStore("store", address);
      ends.push(close);
      return store;
    }

    it("P5 keeps every acknowledged change, and brings back nothing that was ended, killed at any moment", async () => {
      await killRounds(name, server, await open(), ROUNDS);
    });

    it("P5 P9 that is killed and restarted loses nothing for those who go on", async () => {
      const stores = [await open(), await open()] as const;
      const work = startWork(stores);
      await work.calm();
      for (let round = 0; round < 2; round += 1) {
        await work.during("kill -9 and restart", async () => {
          await server.kill();
          await server.start();
        });
        await work.calm(100);
      }
      expectNothingLost(name, await work.end(stores[0]));
    });

    it("P5 whose network drops, delays, deafens and cuts is never misunderstood", async () => {
      const { port } = new URL(server.address);
      const proxy = await startTcpProxy(Number(port));
      ends.push(() => proxy.close());
      const behind = server.address.replace(`:${port}/`, `:${proxy.port}/`);
      const stores = [await open(behind), await open(behind)] as const;
      const work = startWork(stores);
      await work.calm();
      await tryNetwork(work, proxy);
      expectNothingLost(`${name}, its network`, await work.end(stores[0]));
    });
  });
}
