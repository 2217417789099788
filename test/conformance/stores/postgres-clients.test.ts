import postgresJs from "postgres";
import { pgbouncer, poolAt, startPgbouncer } from "../../support/postgres-server.ts";
import { isRace, postgresSuite, wiredPg } from "../../support/sql-suite.ts";

// The statements are the same for every client: what differs is how they get to the server.
const pick = (test: string): boolean => !isRace(test);

postgresSuite(
  "postgres (postgres.js)",
  async ({ url }) => {
    const client = postgresJs(url, { onnotice: () => undefined, fetch_types: false });
    return { options: { client, notify: true }, close: () => client.end() };
  },
  { pick, sequences: 5 },
);

// Apps have types of their own: numbers as bigint, or every value as the text that the server sends.
postgresSuite(
  "postgres (pg, whose types are text)",
  async ({ url }) => {
    const client = poolAt(url, { types: { getTypeParser: () => String } });
    return { options: { client }, close: () => client.end() };
  },
  { pick, sequences: 5 },
);

postgresSuite(
  "postgres (pg behind PgBouncer in transaction mode)",
  async ({ port, url }) => {
    const pooler = await startPgbouncer(port);
    const client = poolAt(pooler.url, { max: 20 });
    const listenOn = poolAt(url, { max: 3 });
    return {
      options: { client, notify: true, listenOn },
      wired: (wire) => wiredPg(client, wire),
      close: async () => {
        await Promise.all([client.end(), listenOn.end()]);
        await pooler.dispose();
      },
    };
  },
  { pick, sequences: 5, needs: { pgbouncer } },
);
