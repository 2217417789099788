import { expect, it } from "vitest";
import type { App } from "../support/ways.ts";
import { eachWay, OTHER_SECRET } from "../support/ways.ts";

const NAME = "__Host-Http-sid";

async function ticketOf(app: App): Promise<string> {
  const browser = app.browser();
  await browser.signIn("ada");
  return browser.cookie().slice(NAME.length + 1);
}

function flip(text: string, at: number): string {
  const letter = text[at] === "A" ? "B" : "A";
  return text.slice(0, at) + letter + text.slice(at + 1);
}

eachWay((open) => {
  it("P3 no malformed, forged or foreign cookie reaches the store, and all look the same", async () => {
    const app = await open();
    const good = await ticketOf(app);
    const otherApp = await ticketOf(app.another({ app: "other" }));
    const otherSecret = await ticketOf(app.another({ secrets: [OTHER_SECRET] }));
    const otherName = await ticketOf(app.another({ cookie: { name: `${NAME}2` } })).then((text) =>
      text.slice(1),
    );
    const hostile = [
      "",
      "x",
      "null",
      "s%3Aabc.def",
      good.slice(0, -1),
      good.slice(1),
      `${good}A`,
      `${good}=`,
      ` ${good.slice(0, 40)}`,
      good.toLowerCase(),
      good.replaceAll(/[A-M]/g, "é"),
      "A".repeat(good.length),
      "A".repeat(1_000_000),
      JSON.stringify({ userId: "ada" }),
      "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",
      "../../etc/passwd",
      "__proto__",
      otherApp,
      otherSecret,
      otherName,
      ...Array.from({ length: good.length }, (_, at) => flip(good, at)),
    ];
    const fresh = app.browser();
    await fresh.read();
    // So long that a feed that was read before would have to be asked again.
    app.clock.advance("1m");
    app.recorded.clear();
    for (const value of hostile) {
      const browser = app.browser();
      browser.plant(`${NAME}=${value}`);
      const { head, result } = await browser.visit((session) => session.load());
      expect([result.userId, result.id, result.isNew, result.keys()], value.slice(0, 80)).toEqual([
        undefined,
        undefined,
        true,
        [],
      ]);
      // From outside nothing tells one refusal from another, or from no cookie at all.
      expect(head).toEqual({
        cookies: [],
        vary: true,
        cacheControl: "private",
        clearSiteData: undefined,
      });
    }
    expect(app.recorded.calls).toEqual([]);
    expect(app.told("refused").length).toBeGreaterThan(hostile.length / 2);
  });

  it("P3 a genuine cookie among strangers' is found, and only ours is opened", async () => {
    const app = await open();
    const good = await ticketOf(app);
    const browser = app.browser();
    browser.plant(`sid=x; _ga=GA1.2; x${NAME}=${good}; ${NAME}=${good}; theme=dark`);
    expect((await browser.read()).userId).toBe("ada");
  });

  it("P3 two cookies that open two live sessions are refused and nothing is cleared", async () => {
    const app = await open();
    const one = await ticketOf(app);
    const two = await ticketOf(app);
    const session = app.sessions.open({ headers: { cookie: `${NAME}=${one}; ${NAME}=${two}` } });
    const loaded = await session.load();
    expect([loaded.userId, loaded.refusal]).toEqual([undefined, "ambiguous"]);
    expect(() => loaded.set("theme", "dark")).toThrow(/its cookies open two/);
    expect((await session.commit({ at: "head" })).cookies).toEqual([]);
  });

  it("P3 a planted cookie beside the good one does not lock its owner out", async () => {
    const app = await open();
    const good = await ticketOf(app);
    const cookie = `${NAME}=${flip(good, 70)}; ${NAME}=${good}; ${NAME}=junk`;
    const loaded = await app.sessions.open({ headers: { cookie } }).load();
    expect(loaded.userId).toBe("ada");
  });
});

eachWay((open, { method }) => {
  it("P3 a cookie of the other method opens nothing", async () => {
    const app = await open();
    const other = app.another({ method: method === "stored" ? "sealed" : "stored" });
    const value = await ticketOf(other);
    const browser = app.browser();
    browser.plant(`${NAME}=${value}`);
    app.recorded.clear();
    expect((await browser.read()).userId).toBeUndefined();
    expect(app.recorded.calls).toEqual([]);
  });
});
