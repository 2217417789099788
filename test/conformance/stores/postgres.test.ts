import { poolAt } from "../../support/postgres-server.ts";
import { isTriple, postgresSuite, wiredPg } from "../../support/sql-suite.ts";

postgresSuite(
  "postgres (pg)",
  async ({ url }) => {
    const client = poolAt(url);
    return {
      options: { client, notify: true, prepare: true },
      wired: (wire) => wiredPg(client, wire),
      close: () => client.end(),
    };
  },
  { pick: (test) => !isTriple(test) },
);
