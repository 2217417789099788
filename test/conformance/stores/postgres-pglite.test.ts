import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, vi } from "vitest";
import { migrate, postgresStore } from "../../../src/stores/postgres.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";
import { isRace } from "../../support/sql-suite.ts";

// A whole PostgreSQL in this process, on this thread.
vi.setConfig({ testTimeout: 120_000 });

const client = await PGlite.create();
await migrate(client);
afterAll(() => client.close());

await runStoreSuite(
  "postgres (PGlite)",
  () => {
    const namespace = randomUUID();
    return {
      store: postgresStore({ client, namespace, notify: true }),
      another: async () => postgresStore({ client, namespace, notify: true }),
      elsewhere: async () => postgresStore({ client, namespace: `${namespace}-elsewhere` }),
      crowd: 20,
    };
  },
  { sequences: 2, only: (test) => !isRace(test) },
);
