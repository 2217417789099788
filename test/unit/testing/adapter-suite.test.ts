import { afterEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { AdapterSuiteOptions } from "../../../src/testing/adapter-suite.ts";
import { adapterSuite } from "../../../src/testing/adapter-suite.ts";

type Answering = (request: Request) => Response | Promise<Response>;

function suiteOf(answer: Answering, close = (): void | Promise<void> => undefined) {
  return adapterSuite({
    store: () => memoryStore(),
    lacks: ["sockets", "pipelining", "trailers", "end"],
    start: () => ({ target: answer, close }),
  });
}

async function failureOf(tests: ReturnType<typeof suiteOf>, part: string): Promise<string> {
  const test = tests.find(({ name }) => name.includes(part));
  if (test === undefined) throw new Error(`no test has ${part} in its name`);
  return await test.run().then(
    () => "none",
    ({ message }: Error) => message,
  );
}

const UNTOUCHED = "stored sessions: P1 an untouched request";

describe("adapterSuite", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("says that a request is never answered, and closes the server", async () => {
    vi.useFakeTimers();
    const close = vi.fn();
    const told = failureOf(
      suiteOf(() => new Promise(() => undefined), close),
      UNTOUCHED,
    );
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await told).toBe("GET / was not answered for 30 s");
    expect(close).toHaveBeenCalledOnce();
  });

  it("says that a body comes to no end", async () => {
    vi.useFakeTimers();
    const told = failureOf(
      suiteOf(() => new Response(new ReadableStream())),
      UNTOUCHED,
    );
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await told).toBe("GET / came to no end for 30 s");
  });

  it("says that a body is shorter than what is waited for", async () => {
    const tests = suiteOf(() => new Response("short"));
    const told = await failureOf(tests, "stored sessions: a client that goes away while");
    expect(told).toBe("the body ended after 5 characters");
  });

  it("says that the server never closes, and not in place of what is wrong", async () => {
    vi.useFakeTimers();
    const right = suiteOf(
      () => new Response("x"),
      () => new Promise(() => undefined),
    );
    const silent = failureOf(right, UNTOUCHED);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await silent).toBe("`close` of the server has given no answer for 60 s");
    const wrong = failureOf(right, "stored sessions: P15 a visitor who only reads");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await wrong).toContain("vary: expected");
  });

  it("refuses by name what can't be graded", () => {
    const store = (): ReturnType<typeof memoryStore> => memoryStore();
    const start = (): never => expect.fail("nothing is started");
    for (const [options, told] of [
      [{ store }, "`adapterSuite` takes `start`, a function"],
      [{ start }, "`adapterSuite` takes `store`, a function"],
      [{ start, store, method: "storde" }, "`method` of `adapterSuite` is"],
    ] as const) {
      expect(() => adapterSuite(options as unknown as AdapterSuiteOptions)).toThrow(told);
    }
  });
});
