import { vi } from "vitest";
import { poolAt } from "../../support/postgres-server.ts";
import { isTriple, postgresSuite, wiredPg } from "../../support/sql-suite.ts";

// One race of three has some thousand orders.
vi.setConfig({ testTimeout: 120_000 });

postgresSuite(
  "postgres (pg), three at once",
  async ({ url }) => {
    const client = poolAt(url);
    return {
      options: { client, prepare: true },
      wired: (wire) => wiredPg(client, wire),
      close: () => client.end(),
    };
  },
  { pick: isTriple },
);
