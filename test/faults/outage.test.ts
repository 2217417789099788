import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { coatcheck } from "../../src/adapters/web.ts";
import { openStore } from "../../src/cli/open-store.ts";
import { createSessions } from "../../src/index.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { describeWith } from "../support/needs.ts";
import type { ServerKind } from "../support/store-servers.ts";
import { MARIADB, POSTGRES, REDIS } from "../support/store-servers.ts";
import { until } from "../support/until.ts";
import { SECRET } from "../support/ways.ts";

vi.setConfig({ testTimeout: 120_000 });

const PEOPLE = 10;

for (const kind of [REDIS, POSTGRES, MARIADB]) {
  describeWith(kind.programs, `an app whose ${kind.name} is killed and comes back`, () => {
    const ends: (() => unknown)[] = [];
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end();
    });

    it("P10 P16 answers 503 meanwhile, clears no cookie, and signs nobody out", async () => {
      const { server, app } = await serve(kind, ends);
      const cookies = await Promise.all(
        Array.from({ length: PEOPLE }, async (_, person) => {
          const answer = await app(new Request(`${SITE}/sign-in/${person}`));
          return cookieOf(answer);
        }),
      );
      const seen = new Map<string, number>();
      let served = 0;
      let isOver = false;
      const people = cookies.map(async (cookie, person) => {
        for (let turn = 0; !isOver; turn += 1) {
          const path = turn % 3 === 0 ? `/set/${turn}` : "/";
          const answer = await app(new Request(SITE + path, { headers: { cookie } }));
          const body = answer.status === 200 ? await answer.text() : "";
          const who = body === `${person}` ? "served" : `shown "${body}"`;
          const how = answer.status === 200 ? who : `${answer.status}`;
          const cookied = answer.headers.has("set-cookie") ? " with a cookie" : "";
          seen.set(how + cookied, (seen.get(how + cookied) ?? 0) + 1);
          if (how === "served") served += 1;
          await sleep(1);
        }
      });
      const isServed = async (): Promise<void> => {
        const before = served;
        await until("people are served", async () => served > before + 5 * PEOPLE);
      };
      await isServed();
      const fault = await inject("kill -9, away, restart", async () => {
        await server.kill();
        await until(
          "everybody has met the outage",
          async () => (seen.get("503") ?? 0) > 5 * PEOPLE,
        );
        await server.start();
      });
      const backAt = performance.now();
      await isServed();
      const recovered = Math.round(performance.now() - backAt);
      isOver = true;
      await Promise.all(people);
      expect([...seen.keys()].sort()).toEqual(["503", "served"]);
      reportFaults({
        ...{ on: `${kind.name}, an app`, faults: [{ ...fault, recovered }] },
        ...{ acknowledged: served, failed: seen.get("503") ?? 0 },
        checked: "every answer is 503 or to whom it belongs, and sets no cookie",
      });
    });
  });
}

const SITE = "http://127.0.0.1";

async function serve(kind: ServerKind, ends: (() => unknown)[]) {
  const server = await kind.open();
  ends.push(() => server.dispose());
  const { store, close } = await openStore("store", server.address);
  ends.push(() => close());
  const sessions = createSessions<Record<string, unknown>>({
    secrets: [SECRET],
    store,
    storeDeadline: 1,
  });
  const app = coatcheck(sessions, async (request, session) => {
    const [, what, value = ""] = new URL(request.url).pathname.split("/");
    if (what === "sign-in") await session.signIn(value);
    const loaded = await session.load();
    if (what === "set") loaded.set("value", value);
    return new Response(loaded.userId ?? "nobody");
  });
  return { server, app };
}

function cookieOf({ headers }: Response): string {
  return headers.getSetCookie()[0]?.split(";")[0] ?? "";
}
