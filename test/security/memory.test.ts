/**
 * What is remembered of a request must not keep the whole of it: a text that was cut from a longer one does.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Session } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testClock } from "../../src/testing/clock.ts";
import type { Data } from "../support/ways.ts";
import { SECRET } from "../support/ways.ts";

const KIB = 1024;
const NAME = "__Host-Http-sid";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** How many bytes there are more when it is done. */
async function kept(work: () => Promise<void>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await work();
  collectGarbage();
  return process.memoryUsage().heapUsed - before;
}

/** An app with sealed sessions, and the cookies of some visitors. */
async function sealedApp({ visitors, characters }: { visitors: number; characters: number }) {
  const clock = testClock();
  const sessions = createSessions<Data>({
    secrets: [SECRET],
    method: "sealed",
    store: memoryStore({ clock: clock.now }),
    clock: clock.now,
  });
  async function visit(cookie: string | undefined, use: (session: Session<Data>) => unknown) {
    // In one piece, as a parser of HTTP gives it.
    const session = sessions.open({
      headers: cookie === undefined ? {} : { cookie: Buffer.from(cookie).toString("latin1") },
    });
    await use(session);
    const { cookies } = await session.commit({ at: "head" });
    return cookies.find(({ name }) => name === NAME)?.value ?? "";
  }
  const cookies: string[] = [];
  for (let visitor = 0; visitor < visitors; visitor += 1) {
    const value = await visit(undefined, async (session) => {
      (await session.load()).set("note", `${visitor}`.padStart(characters, "x"));
    });
    cookies.push(`${NAME}=${value}`);
  }
  const each = async (use: (session: Session<Data>) => unknown, padding = ""): Promise<void> => {
    for (const cookie of cookies) await visit(`${cookie}${padding}`, use);
  };
  // What is made once, such as keys.
  await visit(cookies.pop(), (session) => session.signOut());
  return { clock, each };
}

describe("P14 of a sealed session is kept", () => {
  it("its id alone when it was touched, and not its data", async () => {
    const { clock, each } = await sealedApp({ visitors: 2000, characters: 2500 });
    clock.advance("10m");
    const bytes = await kept(() => each((session) => session.load()));
    expect(bytes / 2000).toBeLessThan(1500);
  });

  it("its id alone when it has ended, and not its data", async () => {
    const { each } = await sealedApp({ visitors: 2000, characters: 2500 });
    const bytes = await kept(() => each((session) => session.signOut()));
    expect(bytes / 2000).toBeLessThan(1500);
  });

  it("its cookie alone while it is in use, and not the header around it", async () => {
    const { each } = await sealedApp({ visitors: 1000, characters: 10 });
    const padding = `; other=${"x".repeat(12 * KIB)}`;
    const bytes = await kept(async () => {
      for (let time = 0; time < 3; time += 1) await each((session) => session.load(), padding);
    });
    expect(bytes / 1000).toBeLessThan(6 * KIB);
  });
});

it("P14 signing out everywhere holds none of the data that all the sessions have", async () => {
  const store = memoryStore();
  let held = Number.NaN;
  const sessions = createSessions<Data>({
    secrets: [SECRET],
    store: {
      ...store,
      cutOff(...args) {
        collectGarbage();
        held = process.memoryUsage().heapUsed;
        return store.cutOff(...args);
      },
    },
  });
  const data = JSON.stringify(Array.from({ length: 1000 }, (_, number) => ({ number })));
  for (let device = 0; device < 300; device += 1) {
    const session = sessions.open({ headers: {} });
    (await session.load()).set("list", JSON.parse(data));
    await session.signIn("eve");
    await session.commit({ at: "head" });
  }
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await sessions.revokeUser("eve");
  expect((held - before) / 300).toBeLessThan(data.length / 2);
});
