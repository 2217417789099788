import { poolAt } from "../../support/postgres-server.ts";
import { isTriple, postgresSuite, wiredPool } from "../../support/postgres-suite.ts";

postgresSuite(
  "postgres (pg)",
  async ({ url }) => {
    const client = poolAt(url);
    return {
      options: { client, notify: true, prepare: true },
      wired: (wire) => wiredPool(client, wire),
      close: () => client.end(),
    };
  },
  { pick: (test) => !isTriple(test) },
);
