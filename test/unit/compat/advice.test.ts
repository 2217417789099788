import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import session from "../../../src/compat/express-session.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const all = { secret: "hush", resave: false, saveUninitialized: false };
let warnings: string[];

const hear = (warning: Error): void => {
  warnings.push(warning.message);
};

beforeEach(() => {
  warnings = [];
  process.on("warning", hear);
});
afterEach(() => {
  process.off("warning", hear);
  vi.unstubAllEnvs();
});

describe("session()", () => {
  it("says nothing where nothing was left to chance", async () => {
    session({ ...all, store: memoryStore() });
    session(all);
    await setImmediate();
    expect(warnings).toEqual([]);
  });

  it("warns of each option that was left out", async () => {
    session({ secret: "hush" });
    await setImmediate();
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/`resave`.*`saveUninitialized`/s);
  });

  it("warns of a store in memory in production, and of no other", async () => {
    vi.stubEnv("NODE_ENV", "production");
    session({ ...all, store: memoryStore() });
    await setImmediate();
    expect(warnings).toEqual([]);
    session(all);
    await setImmediate();
    expect(warnings).toHaveLength(1);
  });
});
