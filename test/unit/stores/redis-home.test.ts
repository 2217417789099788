import { afterEach, expect, it, vi } from "vitest";
import { homes } from "../../../src/stores/redis-home.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("P10 a first look for the key of homes that hangs does not keep later sign-ins waiting", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const asked: ((key: string) => void)[] = [];
  const home = homes(() => new Promise<string>((resolve) => asked.push(resolve)));
  const hangs = home("ada");
  const together = home("ada");
  expect(asked).toHaveLength(1);
  vi.setSystemTime(Date.now() + 1001);
  const next = home("ada");
  expect(asked).toHaveLength(2);
  asked[1]?.("the key");
  const found = await next;
  expect(await home("ada")).toBe(found);
  expect(asked).toHaveLength(2);
  // What comes late is the key that is kept, too.
  asked[0]?.("the key");
  expect(await Promise.all([hangs, together])).toEqual([found, found]);
});

it("P10 a later look that hangs or fails keeps nobody waiting for long, and leaves the key that is known", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  const asked: ((key: string | Promise<string>) => void)[] = [];
  const home = homes(() => new Promise<string>((resolve) => asked.push(resolve)));
  const first = home("ada");
  asked[0]?.("the key");
  const found = await first;
  vi.setSystemTime(Date.now() + 60_001);
  const hangs = [home("ada"), home("ada")];
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(501);
  expect(await Promise.all(hangs)).toEqual([found, found]);
  vi.setSystemTime(Date.now() + 60_001);
  const fails = home("ada");
  asked[2]?.(Promise.reject(new Error("no such node")));
  expect(await fails).toBe(found);
  // What the one that hung has to say counts all the same.
  asked[1]?.("another key");
  await vi.advanceTimersByTimeAsync(0);
  expect(await home("ada")).not.toBe(found);
});
