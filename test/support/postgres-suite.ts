/**
 * Runs the store suite on a PostgreSQL store, with one client or another.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, it } from "vitest";
import type { PostgresStoreOptions } from "../../src/stores/postgres.ts";
import { migrate, postgresStore } from "../../src/stores/postgres.ts";
import type { Wire } from "../../src/testing/explorer.ts";
import type { StoreSuiteOptions } from "../../src/testing/store-fixture.ts";
import { describeWith, required } from "./needs.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { poolAt, postgres, startPostgres } from "./postgres-server.ts";
import { runStoreSuite } from "./run-store-suite.ts";

/** What a store is made of but for its namespace, and how it ends. */
export interface PostgresGround {
  readonly options: Omit<PostgresStoreOptions, "namespace">;
  /** The client with every command on a wire; absent to play the races verb by verb. */
  readonly wired?: (wire: Wire) => PostgresStoreOptions["client"];
  close(): Promise<unknown>;
}

export interface PostgresSuiteOptions extends Omit<StoreSuiteOptions, "open" | "onRace"> {
  readonly pick?: (test: string) => boolean;
  /** Programs besides PostgreSQL that it needs. */
  readonly needs?: Readonly<Record<string, string | undefined>>;
}

/** The suite on a server of its own, where the machine has one. */
export function postgresSuite(
  name: string,
  connect: (server: PostgresServer) => Promise<PostgresGround>,
  { pick, needs = {}, ...options }: PostgresSuiteOptions = {},
): void {
  const programs = { postgres, ...needs };
  describeWith(programs, name, async () => {
    const missing = Object.entries(programs).find(([, path]) => path === undefined);
    if (missing !== undefined) {
      it(`finds ${missing[0]}`, () => required(...missing));
      return;
    }
    const server = await startPostgres();
    const admin = poolAt(server.url);
    await migrate(admin);
    await admin.end();
    const ground = await connect(server);
    afterAll(async () => {
      await ground.close();
      await server.dispose();
    });
    await runStoreSuite(name, () => openFixture(ground), {
      ...options,
      ...(pick && { only: pick }),
    });
  });
}

function openFixture({ options, wired }: PostgresGround) {
  const namespace = randomUUID();
  return {
    store: postgresStore({ ...options, namespace }),
    another: async () => postgresStore({ ...options, namespace }),
    elsewhere: async () => postgresStore({ ...options, namespace: `${namespace}-elsewhere` }),
    ...(wired && {
      wired: async (wire: Wire) => {
        const store = postgresStore({ ...options, namespace, client: wired(wire) });
        // It looks for its tables once, which is no part of a race.
        await store.load("A".repeat(24));
        return store;
      },
    }),
    crowd: 100,
  };
}

/** A pool of `pg` whose every command goes over a wire. */
export function wiredPool(pool: pg.Pool, wire: Wire): PostgresStoreOptions["client"] {
  return {
    query: (config: pg.QueryArrayConfig) =>
      wire(config.text.slice(0, 20), () => pool.query(config)),
    connect: () => pool.connect(),
  };
}

export function isRace(test: string): boolean {
  return test.startsWith("P4 P5 race: ");
}

/** Which file a test of the suite is in: the races of three take as long as all the others. */
export function isTriple(test: string): boolean {
  return isRace(test) && test.split(" × ").length > 2;
}
