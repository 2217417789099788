import { rm } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSessions } from "../../../src/core/sessions.ts";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { cached } from "../../../src/stores/layers/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { signedInCookie } from "../../../src/testing/signed-in-cookie.ts";
import { generateSecret } from "../../../src/token/key-ring.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const HOUR = 3_600_000;
const secrets = [generateSecret()];

afterEach(() => {
  vi.useRealTimers();
});

/** An app without a `clock` of its own, as most tests of apps have it: made when its module is loaded. */
function app(store: SessionStore = memoryStore()) {
  const sessions = createSessions({ secrets, store, timeouts: "aal2" });
  const load = (cookie?: string) => sessions.open({ headers: { cookie } }).load();
  return { sessions, load, signIn: () => signedInCookie(sessions, "ada") };
}

describe("a test runner's fake timers", () => {
  it.each([
    ["memory", memoryStore],
    ["cached", () => cached(memoryStore())],
  ] as const)(
    "move the time of sessions that were made before, with the %s store",
    async (_, store) => {
      const { load, signIn } = app(store());
      vi.useFakeTimers();
      const cookie = await signIn();
      expect((await load(cookie)).userId).toBe("ada");
      vi.advanceTimersByTime(2 * HOUR);
      expect((await load(cookie)).refusal).toBe("idle-timeout");
    },
  );

  it("leave nothing behind in sessions that were made under them", async () => {
    vi.useFakeTimers({ now: 0 });
    const { load } = app();
    vi.useRealTimers();
    const { createdAt } = (await load()).info;
    expect(Math.abs(createdAt - Date.now())).toBeLessThan(HOUR);
  });

  it("keep no call waiting", async () => {
    const folder = await temporaryFolder("fake-timers");
    for (const store of [memoryStore(), fileStore({ path: folder })]) {
      const { sessions, load, signIn } = app(store);
      vi.useFakeTimers();
      const cookie = await signIn();
      const handle = sessions.open({ headers: { cookie } });
      await handle.update("n", (n = 0) => (n as number) + 1);
      await handle.revokeOthers();
      await sessions.revokeUser("ada");
      expect((await load(cookie)).userId).toBeUndefined();
      await sessions.revokeEveryone();
      await sessions.sweep();
      vi.useRealTimers();
      await sessions.close();
    }
    await rm(folder, { recursive: true });
  });
});
