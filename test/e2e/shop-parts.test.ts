import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAttempts } from "../../examples/shop/src/attempts.ts";
import {
  cartCount,
  cartTotal,
  MOST,
  withCount,
  withOneMore,
} from "../../examples/shop/src/cart.ts";
import { ConfigProblem, readConfig } from "../../examples/shop/src/config.ts";
import { deviceName, isHandheld } from "../../examples/shop/src/devices.ts";
import { ownPath } from "../../examples/shop/src/forms.ts";
import { goods } from "../../examples/shop/src/goods.ts";
import { html, render } from "../../examples/shop/src/html.ts";
import { openPeople, seeds } from "../../examples/shop/src/people.ts";
import { picture } from "../../examples/shop/src/views/pictures.ts";

describe("html", () => {
  it("escapes what is put in, as text and between quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const inside = render(html`${text}`);
        expect(inside).not.toMatch(/[<>"']/);
        expect(inside.replace(/&(amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
      }),
    );
  });

  it("leaves HTML that was made by itself, and joins lists", () => {
    const items = ["<a>", "b"].map((item) => html`<li>${item}</li>`);
    expect(render(html`<ul>${items}${undefined}${false}</ul>`)).toBe(
      "<ul><li>&lt;a&gt;</li><li>b</li></ul>",
    );
  });
});

describe("ownPath", () => {
  it("keeps a path of the shop, with its query", () => {
    expect(ownPath("/account/devices?x=1")).toBe("/account/devices?x=1");
  });

  it.each([
    "//evil.example/x",
    "/\\evil.example",
    "/\t/evil.example",
    "\\\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "",
    undefined,
    ["/", "/"],
  ])("leads nowhere else: %j", (path) => {
    expect(ownPath(path)).toBe("/");
  });

  it("leads a browser to no other site, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."/\\.:@?#%\t\n\rae") }), (tail) => {
        const shop = "https://shop.example";
        expect(new URL(ownPath(`/${tail}`), shop).origin).toBe(shop);
      }),
    );
  });
});

describe("attempts", () => {
  it("makes a name wait after five at one address, and lets others in", () => {
    const attempts = createAttempts(() => 0);
    for (let n = 0; n < 5; n += 1) expect(attempts.take("ada", "::1")).toBeUndefined();
    expect(attempts.take("ada", "::1")).toBe(900);
    expect(attempts.take("grace", "::1")).toBeUndefined();
    expect(attempts.take("ada", "::2")).toBeUndefined();
  });

  it("lets in again when the time is over", () => {
    let now = 0;
    const attempts = createAttempts(() => now);
    for (let n = 0; n < 6; n += 1) attempts.take("ada", "::1");
    now = 899_999;
    expect(attempts.take("ada", "::1")).toBe(1);
    now = 900_000;
    expect(attempts.take("ada", "::1")).toBeUndefined();
  });

  it("makes an address wait that tries many names", () => {
    const attempts = createAttempts(() => 0);
    for (let n = 0; n < 20; n += 1) expect(attempts.take(`name ${n}`, "::1")).toBeUndefined();
    expect(attempts.take("name 20", "::1")).toBe(900);
  });

  it("makes a name wait that is tried from many addresses", () => {
    const attempts = createAttempts(() => 0);
    for (let n = 0; n < 100; n += 1) expect(attempts.take("ada", `::${n}`)).toBeUndefined();
    expect(attempts.take("ada", "::beef")).toBe(900);
  });

  it("forgives the attempts of who knew the password", () => {
    const attempts = createAttempts(() => 0);
    for (let n = 0; n < 200; n += 1) {
      expect(attempts.take("ada", "::1")).toBeUndefined();
      attempts.forgive("ada", "::1");
    }
  });

  it("keeps counting whom it counted, while it is flooded with names", () => {
    const attempts = createAttempts(() => 0);
    for (let n = 0; n < 20; n += 1) attempts.take(`name ${n}`, "::1");
    const waits = new Set<number | undefined>();
    for (let n = 0; n < 20_000; n += 1) waits.add(attempts.take(`flood ${n}`, "::1"));
    expect([...waits]).toEqual([900]);
  });
});

describe("cart", () => {
  it("counts and sums what the shop sells, and nothing else", () => {
    const cart = { umbrella: 2, boots: 1, unheard: 7 };
    expect(cartCount(cart)).toBe(3);
    expect(cartTotal(cart)).toBe(2 * 6400 + 8900);
    expect(withOneMore({}, "__proto__")).toEqual({});
    expect(withOneMore({}, "constructor")).toEqual({});
  });

  it("holds no more than a reasonable number of one thing, and no fewer than none", () => {
    expect(withCount({}, "hat", 1e9)).toEqual({ hat: MOST });
    expect(withOneMore({ hat: MOST }, "hat")).toEqual({ hat: MOST });
    expect(withCount({ hat: 1 }, "hat", 0)).toEqual({});
    expect(withCount({ hat: 1 }, "hat", -5)).toEqual({});
  });
});

describe("goods", () => {
  it("have a picture each", () => {
    for (const { id } of goods) expect(render(picture(id))).toContain("<path");
  });
});

describe("config", () => {
  it("serves on this machine only, unless told otherwise", () => {
    expect(readConfig({}, "/shop")).toEqual({
      host: "127.0.0.1",
      port: 3000,
      secure: false,
      dataPath: "/shop/data",
      store: undefined,
      secrets: [],
    });
  });

  it.each([
    [{ PORT: "http" }, "PORT"],
    [{ PORT: "" }, "PORT"],
    [{ PORT: "65536" }, "PORT"],
    [{ PORT: "-1" }, "PORT"],
    [{ PORT: "80.5" }, "PORT"],
    [{ HOST: "" }, "HOST"],
    [{ HOST: "http://localhost" }, "HOST"],
    [{ SECURE: "yes" }, "SECURE"],
  ])("refuses %j by name", (env, name) => {
    expect(() => readConfig(env, "/shop")).toThrow(ConfigProblem);
    expect(() => readConfig(env, "/shop")).toThrow(name);
  });
});

describe("devices", () => {
  it("are named by browser and system", () => {
    const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    expect(deviceName(firefox)).toBe("Firefox on Linux");
    expect(isHandheld(firefox)).toBe(false);
  });

  it("have some name, whatever they claim", () => {
    const claims = [undefined, "", "curl/8.5.0", "<script>", "\u0000".repeat(5000)];
    for (const claim of claims) {
      expect(deviceName(claim)).toMatch(/./);
      expect(isHandheld(claim)).toBe(false);
    }
  });
});

describe("people", () => {
  it("come in with their own password only", async () => {
    const people = await openPeople();
    const [ada, grace] = seeds;
    if (ada === undefined || grace === undefined) throw new Error("nobody is at home");
    expect(await people.check(" Ada ", ada.password)).toMatchObject({ id: "ada" });
    expect(await people.check("ada", grace.password)).toBeUndefined();
    expect(await people.check("nobody", ada.password)).toBeUndefined();
    expect(await people.check("__proto__", ada.password)).toBeUndefined();
    expect(await people.check("ada", "")).toBeUndefined();
    expect(await people.check("ada", ada.password.repeat(100))).toBeUndefined();
  });

  it("are shown without their password", async () => {
    expect((await openPeople()).find("ada")).not.toHaveProperty("password");
  });
});
