import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { childProgram } from "../support/child-program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("an LMDB store that processes share", () => {
  let counter: ChildProgram;
  let waiter: ChildProgram;
  let path: string;

  beforeAll(async () => {
    counter = childProgram("embedded-counter.ts");
    waiter = childProgram("embedded-waiter.ts");
    path = await temporaryFolder("lmdb-processes");
  });
  afterAll(async () => {
    counter.dispose();
    waiter.dispose();
    await rm(path, { recursive: true });
  });

  it("P4 four processes count one session up to 500, and every count is there", async () => {
    const store = lmdbStore({ path });
    const id = "C".repeat(24);
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + 3_600_000 };
    await store.create({ id, userId: "ada", ...times, closed: false, body: "0" }, 0, now);

    const children = Array.from({ length: 4 }, () => counter.start("lmdb", path, id, "125"));
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);

    const loaded = await store.load(id);
    expect([loaded?.record.body, loaded?.record.revision]).toEqual(["500", 501]);
    // They did meet: nobody counted in a row without being refused.
    const refused = children.map(({ lines }) => Number(lines[0]?.split(" ")[1]));
    expect(Math.min(...refused)).toBeGreaterThan(0);
    await store.close();
  }, 120_000);

  it("P5 a process sees at once what another one has acknowledged", async () => {
    const store = lmdbStore({ path });
    const id = "D".repeat(24);
    const now = Date.now();
    const times = { lastSeenAt: now, expiresAt: now + 3_600_000 };
    await store.create({ id, userId: "ada", ...times, closed: false, body: "" }, 0, now);
    const child = waiter.start("lmdb", path, id);
    await child.line("reading");
    expect(await store.update(id, 1, { ...times, body: "", close: true }, now)).toBe(true);
    expect(await child.ended).toBe(0);
    expect(child.lines).toEqual(["reading", "closed"]);
    await store.close();
  }, 120_000);
});
