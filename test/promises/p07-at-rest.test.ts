import { expect, it } from "vitest";
import { eachWay } from "../support/ways.ts";

const NAME = "__Host-Http-sid";

eachWay((open, { method }) => {
  it("P7 nothing that lies in the store can be presented as a cookie", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    await ada.signIn("ada");
    const ticket = ada.cookie().slice(NAME.length + 1);
    const { records } = await app.store.list({ limit: 100 }, app.clock.now());
    const feed = await app.store.since(undefined);
    const atRest = JSON.stringify([records, feed]);
    // No run of the ticket lies there but for the id, which is public; it is 24 characters of 76.
    const id = (await ada.read()).id as string;
    for (let at = 0; at + 16 <= ticket.length; at += 1) {
      const run = ticket.slice(at, at + 16);
      if (!id.includes(run)) expect(atRest).not.toContain(run);
    }
    const words = new Set(atRest.match(/[\w-]{16,}/g));
    if (method === "stored") expect(words.size).toBeGreaterThan(1);
    for (const word of words) {
      for (const value of [
        word,
        `${ticket.slice(0, 7)}${word}`,
        word.padEnd(76, "A").slice(0, 76),
      ]) {
        const thief = app.browser();
        thief.plant(`${NAME}=${value}`);
        expect((await thief.read()).userId).toBeUndefined();
      }
    }
  });

  it("P7 a cookie says nothing about its bearer", async () => {
    const app = await open();
    const ada = app.browser();
    await ada.visit(async (session) => {
      (await session.signIn("ada@example.org")).set("plan", "cancer treatment");
    });
    const cookie = ada.cookie();
    const decoded = cookie
      .split("; ")
      .map((pair) => Buffer.from(pair.slice(pair.indexOf("=") + 1), "base64url").toString("latin1"))
      .join();
    // Short ones stand in what is random now and then.
    for (const word of ["ada@", "example", "cancer", "treatment", "password"]) {
      expect(decoded).not.toContain(word);
      expect(cookie).not.toContain(word);
    }
  });

  it("P7 equal sessions make unequal cookies, of the same length up to the padding", async () => {
    const app = await open();
    const cookies = new Set<string>();
    const lengths = new Set<number>();
    for (const name of ["a", "bb", "ccc", "dddd"]) {
      const browser = app.browser();
      await browser.set("name", name);
      cookies.add(browser.cookie());
      lengths.add(browser.cookie().length);
    }
    expect(cookies.size).toBe(4);
    expect(lengths.size).toBe(1);
  });
});
