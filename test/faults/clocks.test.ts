import { rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { SeededRandom } from "../../src/testing/random.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { inject, reportFaults } from "../support/fault-report.ts";
import { describeWith } from "../support/needs.ts";
import type {
  ProcessBrowser,
  SessionProcess,
  SessionProcesses,
} from "../support/session-processes.ts";
import { sessionProcesses } from "../support/session-processes.ts";
import { MARIADB, MEMCACHED, POSTGRES, REDIS } from "../support/store-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const APART = 5000;
const STEPS = 200;
const USERS = ["ada", "bob", "cleo"];

interface Place {
  readonly address: string;
  dispose(): Promise<unknown>;
}

/** A browser, and what it has to be shown. */
interface Person {
  readonly browser: ProcessBrowser;
  readonly userId: string;
  readonly id: string;
  readonly keys: Set<string>;
  count: number;
  isOver: boolean;
}

describeClocks("LMDB", {}, () => folder("lmdb"));
describeClocks("File", {}, () => folder("file"));
for (const { name, programs, open } of [REDIS, POSTGRES, MARIADB, MEMCACHED]) {
  describeClocks(name, programs, open);
}

async function folder(kind: string): Promise<Place> {
  const path = await temporaryFolder(`${kind}-clocks`);
  return { address: `${kind}:${path}`, dispose: () => rm(path, { recursive: true }) };
}

function describeClocks(
  name: string,
  programs: Readonly<Record<string, string | undefined>>,
  open: () => Promise<Place>,
): void {
  describeWith(programs, `two processes on ${name} whose clocks are ${APART} ms apart`, () => {
    let app: SessionProcesses;
    let place: Place;
    beforeAll(async () => {
      app = sessionProcesses();
      place = await open();
    });
    afterEach(() => app.end());
    afterAll(async () => {
      app?.dispose();
      await place?.dispose();
    });

    async function start(options: object = {}): Promise<[SessionProcess, SessionProcess]> {
      const both = await app.start(2, options, place.address);
      const [right, ahead] = both as [SessionProcess, SessionProcess];
      await ahead.send({ do: "clock", ahead: APART });
      return [right, ahead];
    }

    it("P4 P5 see the same of each other's sign-ins, changes, ends and cut-offs", async () => {
      const both = await start();
      const life = { acknowledged: 0, refused: 0 };
      const fault = await inject(`clocks ${APART} ms apart`, async () => {
        const random = seededRandom(7);
        const people: Person[] = [];
        for (let step = 0; step < STEPS; step += 1) {
          await live(people, both, random, life);
          await looksRight(people[random.below(people.length)], both[random.below(2)]);
        }
        for (const person of people) for (const process of both) await looksRight(person, process);
        expect(people.filter(({ isOver }) => isOver).length).toBeGreaterThan(10);
      });
      const { acknowledged, refused } = life;
      expect(acknowledged).toBeGreaterThan(STEPS / 2);
      reportFaults({
        ...{ on: name, faults: [fault], acknowledged, failed: refused },
        checked: "each step is seen in both processes",
      });
    });

    it("P4 P16 count as one, and rotate a ticket once", async () => {
      const [right, ahead] = await start({ rotateEvery: "1h" });
      const browser = app.browser();
      const request = await browser.begin(right);
      // Nobody whom the other clock has cut off in what is still to come.
      await request.send({ do: "signIn", userId: "dora" });
      await request.finish();
      const all = async (what: "count" | "read", times: number): Promise<[number, number]> => {
        const order = { do: "many", what, times, prefix: "", cookie: browser.cookie } as const;
        const replies = await Promise.all([right, ahead].map((process) => process.send(order)));
        const served = replies.reduce((sum, reply) => sum + (reply.served ?? 0), 0);
        return [served, replies.flatMap(({ cookies = [] }) => cookies).length];
      };
      expect(await all("count", 100)).toEqual([200, 0]);
      expect((await browser.read(ahead)).count).toBe(200);
      await right.send({ do: "clock", ahead: 61 * 60_000 });
      await ahead.send({ do: "clock", ahead: 61 * 60_000 + APART });
      expect(await all("read", 10)).toEqual([20, 1]);
    });

    /** One thing that somebody does, in one of the processes. */
    async function live(
      people: Person[],
      both: readonly SessionProcess[],
      random: SeededRandom,
      life: { acknowledged: number; refused: number },
    ): Promise<void> {
      const process = both[random.below(2)] as SessionProcess;
      const signedIn = people.filter(({ isOver }) => !isOver);
      const person = signedIn[random.below(Math.max(signedIn.length, 1))];
      const dice = random.below(100);
      if (person === undefined || dice < 20) {
        const made = await signIn(process, USERS[random.below(USERS.length)] as string);
        if (made === undefined) {
          life.refused += 1;
          return;
        }
        people.push(made);
      } else if (dice < 50) {
        const key = `key ${dice}`;
        await visit(process, person, { do: "set", key });
        person.keys.add(key);
      } else if (dice < 80) {
        await visit(process, person, { do: "count" });
        person.count += 1;
      } else if (dice < 87) {
        await visit(process, person, { do: "signOut" });
        person.isOver = true;
      } else if (dice < 94) {
        await must(process.send({ do: "revoke", id: person.id }));
        person.isOver = true;
      } else {
        await must(process.send({ do: "revokeUser", id: person.userId }));
        for (const other of people) if (other.userId === person.userId) other.isOver = true;
      }
      life.acknowledged += 1;
    }

    async function signIn(process: SessionProcess, userId: string): Promise<Person | undefined> {
      const browser = app.browser();
      const request = await browser.begin(process);
      const { id, error } = await request.send({ do: "signIn", userId });
      await request.finish(error === undefined ? "finish" : "fail");
      if (id !== undefined)
        return { browser, userId, id, keys: new Set(), count: 0, isOver: false };
      // After a cut-off by the clock that is ahead: where the store has none of its own, whoever asks the other
      // process has to wait until that has caught up.
      expect(error).toBe("ERR_SIGN_IN_REFUSED");
      return undefined;
    }
  });
}

async function visit(
  process: SessionProcess,
  { browser }: Person,
  order: { readonly do: "set"; readonly key: string } | { readonly do: "count" | "signOut" },
): Promise<void> {
  const { cookie } = browser;
  const request = await browser.begin(process);
  await must(request.send(order));
  await request.finish();
  // Somebody has a copy.
  if (order.do === "signOut") browser.cookie = cookie;
}

async function must(reply: Promise<{ readonly error?: string | undefined }>): Promise<void> {
  expect((await reply).error).toBeUndefined();
}

async function looksRight(
  person: Person | undefined,
  process: SessionProcess | undefined,
): Promise<void> {
  if (person === undefined || process === undefined) return;
  const { userId, keys = [], count } = await person.browser.read(process);
  if (person.isOver) {
    expect([userId, keys]).toEqual([undefined, []]);
    return;
  }
  const hasCounted = person.count > 0;
  const allKeys = [...person.keys, ...(hasCounted ? ["count"] : [])];
  expect([userId, keys]).toEqual([person.userId, allKeys.sort()]);
  expect(count).toBe(hasCounted ? person.count : undefined);
}
