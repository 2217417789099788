import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type {
  HeldRequest,
  ProcessBrowser,
  SessionProcess,
  SessionProcesses,
} from "../support/session-processes.ts";
import { sessionProcesses } from "../support/session-processes.ts";

type Processes = readonly [SessionProcess, ...SessionProcess[]];

describe("processes that share an LMDB store", () => {
  let app: SessionProcesses;
  let browser: ProcessBrowser;

  beforeAll(() => {
    app = sessionProcesses();
  });
  afterEach(() => app.end());
  afterAll(() => app.dispose());

  async function start(count: number, options: object = {}): Promise<Processes> {
    const processes = (await app.start(count, options)) as unknown as Processes;
    browser = app.browser();
    const request = await browser.begin(processes[0]);
    await request.send({ do: "signIn", userId: "ada" });
    await request.finish();
    return processes;
  }

  async function visit(
    process: SessionProcess,
    handle: (request: HeldRequest) => Promise<unknown>,
  ): Promise<void> {
    const request = await browser.begin(process);
    await handle(request);
    await request.finish();
  }

  async function all(
    processes: Processes,
    what: "set" | "count" | "read",
    total: number,
  ): Promise<{ served: number; cookies: string[] }> {
    const { cookie } = browser;
    const times = total / processes.length;
    const replies = await Promise.all(
      processes.map((process, index) =>
        process.send({ do: "many", what, prefix: `process${index}-`, times, cookie }),
      ),
    );
    return {
      served: replies.reduce((sum, { served = 0 }) => sum + served, 0),
      cookies: replies.flatMap(({ cookies = [] }) => cookies),
    };
  }

  for (const count of [1, 4]) {
    const where = count === 1 ? "one process" : "four processes";

    it(`P4 500 requests at once, each with a key of its own, all merge in ${where}`, async () => {
      const processes = await start(count);
      const { served, cookies } = await all(processes, "set", 500);
      expect([served, cookies]).toEqual([500, []]);
      for (const process of processes) {
        expect((await browser.read(process)).keys).toHaveLength(500);
      }
    });

    it(`P4 500 updates of one counter compose in ${where}`, async () => {
      const processes = await start(count);
      const { served, cookies } = await all(processes, "count", 500);
      expect([served, cookies]).toEqual([500, []]);
      for (const process of processes) {
        expect((await browser.read(process)).count).toBe(500);
      }
    });
  }

  it("P16 20 requests at once at rotation time in four processes: all served, one new ticket", async () => {
    const processes = await start(4, { rotateEvery: "1h" });
    for (const process of processes) await process.send({ do: "clock", ahead: 61 * 60_000 });
    const before = browser.cookie;
    const { served, cookies } = await all(processes, "read", 20);
    expect(served).toBe(20);
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).not.toBe(before);
    // The old one is good until the new one is seen, in every process.
    for (const process of processes) expect((await browser.read(process)).userId).toBe("ada");
    browser.cookie = cookies[0] as string;
    for (const process of processes) expect((await browser.read(process)).userId).toBe("ada");
  });

  const endings: Readonly<Record<string, (other: SessionProcess, id: string) => Promise<unknown>>> =
    {
      "a sign-out": (other) => visit(other, (request) => request.send({ do: "signOut" })),
      "a sign-in as somebody else": (other) =>
        visit(other, (request) => request.send({ do: "signIn", userId: "bob" })),
      "another sign-in": (other) =>
        visit(other, (request) => request.send({ do: "signIn", userId: "ada" })),
      "a revoke": (other, id) => other.send({ do: "revoke", id }),
      "a cut-off": (other) => other.send({ do: "revokeUser", id: "ada" }),
    };

  it.each(Object.keys(endings))(
    "P5 P16 %s in another process: slow requests change nothing",
    async (how) => {
      const [here, there] = (await start(2)) as unknown as [SessionProcess, SessionProcess];
      const old = browser.cookie;
      const { id } = await browser.read(here);
      const [setting, counting, reading, arriving] = (await Promise.all(
        [1, 2, 3, 4].map(() => browser.begin(here)),
      )) as [HeldRequest, HeldRequest, HeldRequest, HeldRequest];
      await setting.send({ do: "set", key: "late" });
      await counting.send({ do: "load" });
      await reading.send({ do: "load" });

      await endings[how]?.(there, id as string);
      const good = browser.cookie;
      const shown = await browser.read(there);

      expect(await counting.send({ do: "count" })).toEqual({ error: "ERR_SESSION_CLOSED" });
      expect(await arriving.send({ do: "load" })).toMatchObject({ keys: [] });
      expect(await arriving.send({ do: "set", key: "late" })).toEqual({
        error: "ERR_SESSION_CLOSED",
      });
      const late = [
        await setting.finish(),
        await reading.finish(),
        await counting.finish("fail"),
        await arriving.finish("fail"),
      ];
      expect(late.flat()).toEqual([]);
      expect(browser.cookie).toBe(good);
      // Whatever the browser had, it has: in both processes, and with nothing of the late requests.
      expect(await browser.read(here)).toEqual(shown);
      expect(shown.keys).toEqual([]);
      if (how.includes("sign-in")) expect(shown.userId).toBe(how.endsWith("else") ? "bob" : "ada");

      const thief = app.browser();
      thief.cookie = old;
      for (const process of [here, there]) {
        const opened = await thief.read(process);
        expect([opened.userId, opened.id]).toEqual([undefined, undefined]);
      }
    },
  );

  it("P4 P16 a rotation in another process: a slow request loses nothing and takes no cookie", async () => {
    const [here, there] = (await start(2, { rotateEvery: "1h" })) as unknown as [
      SessionProcess,
      SessionProcess,
    ];
    const [setting, counting] = (await Promise.all([1, 2].map(() => browser.begin(here)))) as [
      HeldRequest,
      HeldRequest,
    ];
    await setting.send({ do: "set", key: "late" });
    await counting.send({ do: "load" });
    for (const process of [here, there]) await process.send({ do: "clock", ahead: 61 * 60_000 });
    await browser.read(there);
    const good = browser.cookie;

    await counting.send({ do: "count" });
    expect([await setting.finish(), await counting.finish()].flat()).toEqual([]);
    expect(browser.cookie).toBe(good);
    expect(await browser.read(here)).toMatchObject({
      userId: "ada",
      keys: ["count", "late"],
      count: 1,
    });
  });
});
