import { describe, expect, it } from "vitest";
import { createQueues } from "../../../src/core/queues.ts";

describe("the queues", () => {
  it("are one per session", () => {
    const queueOf = createQueues<number>();
    expect(queueOf("a") === queueOf("b")).toBe(false);
    const [first, again] = [queueOf("a"), queueOf("a")];
    expect(first === again).toBe(true);
  });

  it("of a session that is being written stay, however many others come", () => {
    const queueOf = createQueues<number>();
    const busy = queueOf("busy");
    busy.busy = true;
    for (let at = 0; at < 10_000; at += 1) {
      queueOf(`id${at}`);
      if (at % 100 === 0) expect(queueOf("busy") === busy).toBe(true);
    }
    expect(queueOf("busy") === busy).toBe(true);
  });

  it("that are idle are dropped some generations later, so that memory is bounded", () => {
    const queueOf = createQueues<number>();
    const idle = queueOf("idle");
    for (let at = 0; at < 5000; at += 1) queueOf(`id${at}`);
    expect(queueOf("idle") === idle).toBe(false);
  });
});
