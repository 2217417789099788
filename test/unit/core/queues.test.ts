import { describe, expect, it } from "vitest";
import { createQueues } from "../../../src/core/queues.ts";

describe("the queues", () => {
  it("are there while a session is being written, one for each", () => {
    const queues = createQueues<number>();
    expect(queues.find("a")).toBeUndefined();
    const [first, other] = [queues.begin("a"), queues.begin("b")];
    expect(first === other).toBe(false);
    expect(queues.find("a") === first).toBe(true);
    first.busy = false;
    expect(queues.find("a")).toBeUndefined();
  });

  it("of a session that is being written stay, however many others come", () => {
    const queues = createQueues<number>();
    const busy = queues.begin("busy");
    for (let at = 0; at < 10_000; at += 1) {
      queues.begin(`id${at}`).busy = false;
      if (at % 100 === 0) expect(queues.find("busy") === busy).toBe(true);
    }
    expect(queues.find("busy") === busy).toBe(true);
  });

  it("of a store that hangs are not gone through at every new one", () => {
    const queues = createQueues<number>();
    let looks = 0;
    for (let at = 0; at < 10_000; at += 1) {
      Object.defineProperty(queues.begin(`id${at}`), "busy", {
        set: () => undefined,
        get: () => {
          looks += 1;
          return true;
        },
      });
    }
    expect(looks).toBeLessThan(5 * 10_000);
    expect(queues.find("id0")).toBeDefined();
  });

  it("that are idle are used again, and dropped some generations later: memory is bounded", () => {
    const queues = createQueues<number>();
    const idle = queues.begin("idle");
    idle.busy = false;
    expect(queues.begin("idle") === idle).toBe(true);
    idle.busy = false;
    for (let at = 0; at < 5000; at += 1) queues.begin(`id${at}`).busy = false;
    expect(queues.begin("idle") === idle).toBe(false);
  });
});
