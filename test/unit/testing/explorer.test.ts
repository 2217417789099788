import { afterEach, describe, expect, it, vi } from "vitest";
import type { Actor, Scenario } from "../../../src/testing/explorer.ts";
import { explore, ScheduleError } from "../../../src/testing/explorer.ts";

/** An actor that sends so many commands and notes each. */
function sender(name: string, commands: number, note: (command: string) => void): Actor {
  return {
    name,
    async run(wire) {
      for (let index = 1; index <= commands; index += 1) {
        await wire(`${index}`, async () => note(`${name}${index}`));
      }
    },
  };
}

/** Explores actors with so many commands each. @returns the orders in which they were let through. */
async function ordersOf(...lengths: number[]): Promise<{ orders: string[]; schedules: number }> {
  const orders: string[] = [];
  const { schedules } = await explore(async () => {
    const order: string[] = [];
    const note = (command: string): void => {
      order.push(command);
    };
    return {
      actors: lengths.map((length, index) => sender("abc"[index] ?? "", length, note)),
      async check() {
        orders.push(order.join(" "));
      },
    };
  });
  return { orders, schedules };
}

const failureOf = (exploring: Promise<unknown>): Promise<unknown> =>
  exploring.then(
    () => expect.fail("it was expected to fail"),
    (error: unknown) => error,
  );

afterEach(() => {
  vi.useRealTimers();
});

describe("explore", () => {
  it.each([
    { lengths: [1], count: 1 },
    { lengths: [2, 3], count: 10 },
    { lengths: [2, 2, 2], count: 90 },
    { lengths: [1, 2, 3], count: 60 },
    { lengths: [0, 3], count: 1 },
  ])("tries every order of $lengths commands once: $count", async ({ lengths, count }) => {
    const { orders, schedules } = await ordersOf(...lengths);
    expect(schedules).toBe(count);
    expect(new Set(orders).size).toBe(count);
  });

  it("ends with an actor that asks again and again", async () => {
    const waiting: Actor = {
      name: "waiting",
      async run(wire) {
        for (;;) await wire("is it free?", async () => false);
      },
    };
    const exploring = explore(async () => ({ actors: [waiting], check: async () => undefined }));
    const { message } = (await failureOf(exploring)) as ScheduleError;
    expect(message).toMatch(
      /^schedule 1: no end after 1000 commands\n {2}1\. waiting: is it free\?\n/,
    );
  });

  it("tells the longest schedule, where their lengths differ", async () => {
    const { longest, schedules } = await explore(async () => {
      let taken = false;
      const taker = (name: string): Actor => ({
        name,
        async run(wire) {
          const first = await wire("take", async () => {
            const free = !taken;
            taken = true;
            return free;
          });
          if (!first) await wire("wait", async () => undefined);
        },
      });
      return { actors: [taker("a"), taker("b")], check: async () => undefined };
    });
    expect({ longest, schedules }).toEqual({ longest: 3, schedules: 2 });
  });

  it("waits for commands and actors that take real time", async () => {
    const { schedules } = await explore(async () => {
      let inside = 0;
      const actor = (name: string): Actor => ({
        name,
        async run(wire) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          for (const command of ["first", "second"]) {
            await wire(command, async () => {
              inside += 1;
              await new Promise((resolve) => setTimeout(resolve, 1));
              expect(inside).toBe(1);
              inside -= 1;
            });
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        },
      });
      return { actors: [actor("a"), actor("b")], check: async () => undefined };
    });
    expect(schedules).toBe(6);
  });

  it("gives replies and errors to the actor that sent the command", async () => {
    const seen = new Set<unknown>();
    await explore(async () => ({
      actors: [
        {
          name: "a",
          async run(wire) {
            seen.add(await wire("ask", async () => 42));
            await wire("fail", async () => {
              throw new Error("no");
            }).catch((error: Error) => seen.add(error.message));
          },
        },
      ],
      check: async () => undefined,
    }));
    expect([...seen]).toEqual([42, "no"]);
  });

  it("finds the order in which a read and a write lose an increment, and prints it", async () => {
    const error = await failureOf(explore(counterRace(false)));
    expect(error).toBeInstanceOf(ScheduleError);
    const { schedule, message, cause } = error as ScheduleError;
    expect(schedule).toEqual(["a: get", "b: get", "a: set", "b: set"]);
    expect(message).toBe(
      "schedule 2: the counter is 1\n  1. a: get\n  2. b: get\n  3. a: set\n  4. b: set",
    );
    expect((cause as Error).message).toBe("the counter is 1");
  });

  it("finds nothing where the increment is one command", async () => {
    expect((await explore(counterRace(true))).schedules).toBe(2);
  });

  it("looks after every command, and in the end", async () => {
    let steps = 0;
    let ends = 0;
    await explore(async () => ({
      actors: [sender("a", 2, () => undefined), sender("b", 1, () => undefined)],
      async afterStep() {
        steps += 1;
      },
      async check() {
        ends += 1;
      },
    }));
    expect({ steps, ends }).toEqual({ steps: 9, ends: 3 });
  });

  it("fails with the schedule so far when a look after a command fails", async () => {
    const scenario = async (): Promise<Scenario> => {
      const seen: string[] = [];
      return {
        actors: [sender("a", 2, (command) => seen.push(command)), sender("b", 1, () => undefined)],
        async afterStep() {
          if (seen.includes("a2")) throw new Error("seen");
        },
        check: async () => undefined,
      };
    };
    const error = (await failureOf(explore(scenario))) as ScheduleError;
    expect(error.schedule).toEqual(["a: 1", "a: 2"]);
  });

  it("fails when an actor does, and lets go of the others", async () => {
    let released = 0;
    const scenario = async (): Promise<Scenario> => ({
      actors: [
        {
          name: "bad",
          async run(wire) {
            await wire("one", async () => undefined);
            throw new Error("an actor's own error");
          },
        },
        {
          name: "good",
          async run(wire) {
            try {
              await wire("one", async () => undefined);
            } finally {
              released += 1;
            }
          },
        },
      ],
      check: async () => undefined,
    });
    const error = (await failureOf(explore(scenario))) as ScheduleError;
    expect(error.message).toContain("an actor's own error");
    expect(error.schedule).toEqual(["bad: one"]);
    await Promise.resolve();
    expect(released).toBe(1);
  });

  it("refuses a tree of more schedules than the budget, instead of sampling it", async () => {
    const scenario = async (): Promise<Scenario> => ({
      actors: [sender("a", 3, () => undefined), sender("b", 3, () => undefined)],
      check: async () => undefined,
    });
    await expect(explore(scenario, { budget: 19 })).rejects.toThrow("more than 19 schedules");
    await expect(explore(scenario, { budget: 20 })).resolves.toEqual({ schedules: 20, longest: 6 });
  });

  it("refuses actors that do something else when the same order is tried again", async () => {
    let runs = 0;
    const scenario = async (): Promise<Scenario> => {
      runs += 1;
      const last = `${runs}`;
      return {
        actors: [
          { name: "a", run: (wire) => wire("same", async () => undefined) },
          {
            name: "b",
            async run(wire) {
              await wire(last, async () => undefined);
            },
          },
        ],
        check: async () => undefined,
      };
    };
    await expect(explore(scenario)).rejects.toThrow("not deterministic");
  });

  it("takes the commands that one actor sends at once in their order", async () => {
    const orders = new Set<string>();
    const { schedules } = await explore(async () => {
      const order: string[] = [];
      const send = (command: string) => async (): Promise<void> => {
        order.push(command);
      };
      return {
        actors: [
          {
            name: "both",
            async run(wire) {
              await Promise.all([wire("x", send("x")), wire("y", send("y"))]);
              await wire("z", send("z"));
            },
          },
          { name: "other", run: (wire) => wire("o", send("o")) },
        ],
        async check() {
          orders.add(order.join(""));
        },
      };
    });
    expect([...orders].sort()).toEqual(["oxyz", "xoyz", "xyoz", "xyzo"]);
    expect(schedules).toBe(4);
  });

  it("goes on with others while a command waits for theirs, where the backend has locks", async () => {
    const { schedules } = await explore(lockRace(), { patience: 5 });
    // Both orders of the first two commands; whoever has the lock goes on, then the other.
    expect(schedules).toBeGreaterThanOrEqual(2);
  });

  it("says who stands still when a command never ends", async () => {
    vi.useFakeTimers();
    const error = failureOf(explore(lockRace()));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(((await error) as Error).message).toContain("no command and no end for 30 s from b");
  });
});

function counterRace(atomic: boolean): () => Promise<Scenario> {
  return async () => {
    let counter = 0;
    const actor = (name: string): Actor => ({
      name,
      async run(wire) {
        if (atomic) {
          await wire("increment", async () => {
            counter += 1;
          });
          return;
        }
        const value = await wire("get", async () => counter);
        await wire("set", async () => {
          counter = value + 1;
        });
      },
    });
    return {
      actors: [actor("a"), actor("b")],
      async check() {
        if (counter !== 2) throw new Error(`the counter is ${counter}`);
      },
    };
  };
}

/** Two actors that lock, work and unlock, on a backend where a lock waits for the one before. */
function lockRace(): () => Promise<Scenario> {
  return async () => {
    let inside = 0;
    let free: Promise<void> = Promise.resolve();
    const actor = (name: string): Actor => ({
      name,
      async run(wire) {
        let unlock = (): void => undefined;
        await wire("lock", async () => {
          const before = free;
          free = new Promise((resolve) => {
            unlock = resolve;
          });
          await before;
        });
        inside += 1;
        await wire("work", async () => expect(inside).toBe(1));
        inside -= 1;
        await wire("unlock", async () => unlock());
      },
    });
    return { actors: [actor("a"), actor("b")], check: async () => undefined };
  };
}
