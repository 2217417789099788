import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { seeds } from "../../examples/shop/src/people.ts";
import type { BuiltShop, RunningShop } from "../support/shop.ts";
import { buildShop, dataFolder, failingShop, startShop, whenOpen } from "../support/shop.ts";
import type { Answer, Visitor } from "../support/visitor.ts";
import { newVisitor } from "../support/visitor.ts";

// Real programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const password = (name: string): string => seeds.find(({ id }) => id === name)?.password ?? "";

let built: BuiltShop;
let shop: RunningShop;

beforeAll(async () => {
  built = await buildShop();
  shop = await startShop(built, { SHOP_DATA: await dataFolder(built) });
});

afterAll(async () => {
  await shop?.stop();
  await built?.remove();
});

function signIn(visitor: Visitor, name: string, next = "/"): Promise<Answer> {
  return visitor.post("/sign-in", { name, password: password(name), next });
}

async function signedIn(name: string, userAgent?: string): Promise<Visitor> {
  const visitor = newVisitor(shop.url, userAgent);
  expect((await signIn(visitor, name)).status).toBe(303);
  return visitor;
}

const revokeButtons = (page: Answer): string[] =>
  [...page.text.matchAll(/name="revoke" value="([^"]{24})"/g)].map(([, id]) => id ?? "");

describe("the shop as a visitor meets it", () => {
  it("P15 creates nothing for who only looks", async () => {
    const visitor = newVisitor(shop.url);
    const paths = [
      "/",
      "/goods/umbrella",
      "/cart",
      "/sign-in",
      "/session",
      "/signed-out",
      "/nowhere",
    ];
    for (const path of paths) {
      const page = await visitor.get(path);
      expect(page.setCookies, path).toEqual([]);
      expect(page.headers.get("content-type"), path).toBe("text/html; charset=utf-8");
    }
    expect((await visitor.get("/session")).text).toContain("You have no session");
  });

  it("answers every change with a redirect to a page", async () => {
    const visitor = newVisitor(shop.url);
    const added = await visitor.post("/cart", { good: "umbrella", change: "more" });
    expect([added.status, added.location]).toEqual([303, "/cart"]);
    expect((await visitor.get("/cart")).text).toContain("Eight-rib umbrella");
  });

  it("keeps the cart over the sign-in", async () => {
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "boots", change: "more" });
    await visitor.post("/cart", { good: "boots", change: "more" });
    const before = [...visitor.cookies.values()];
    await signIn(visitor, "grace", "/cart");
    expect([...visitor.cookies.values()]).not.toEqual(before);
    const cart = await visitor.get("/cart");
    expect(cart.text).toContain("Puddle boots");
    expect(cart.text).toContain("€178.00");
    await visitor.post("/sign-out");
  });

  it("P4 keeps what ten tabs put into the cart at once", async () => {
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "hat", change: "more" });
    const more = () => visitor.post("/cart", { good: "hat", change: "more" });
    await Promise.all(Array.from({ length: 10 }, more));
    expect((await visitor.get("/cart")).text).toContain("</span>11</span>");
  });

  it("shows a message once", async () => {
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "hat", change: "more" });
    await visitor.post("/cart", { good: "hat", change: "none" });
    const message = "Bobble hat: taken out of your cart.";
    await fetch(`${shop.url}/cart`, {
      method: "HEAD",
      headers: { cookie: [...visitor.cookies].map(([n, v]) => `${n}=${v}`).join("; ") },
    });
    expect((await visitor.get("/cart")).text).toContain(message);
    expect((await visitor.get("/cart")).text).not.toContain(message);
  });

  it("remembers the colours, and forgets them", async () => {
    const visitor = newVisitor(shop.url);
    const answer = await visitor.post("/theme", { theme: "dark", from: "/cart" });
    expect([answer.status, answer.location]).toEqual([303, "/cart"]);
    expect((await visitor.get("/")).text).toContain('<html lang="en" data-theme="dark">');
    await visitor.post("/theme", { theme: "auto", from: "/" });
    expect((await visitor.get("/")).text).toContain('<html lang="en">');
  });

  it("asks for a sign-in before an order, and takes the order after it", async () => {
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "pegs", change: "more" });
    const refused = await visitor.post("/order", {}, { referer: `${shop.url}/cart` });
    expect([refused.status, refused.location]).toEqual([303, "/sign-in?next=%2Fcart"]);
    expect((await signIn(visitor, "alan", "/cart")).location).toBe("/cart");
    expect((await visitor.post("/order")).location).toBe("/");
    expect((await visitor.get("/")).text).toContain("Your order is placed");
    expect((await visitor.get("/cart")).text).toContain("Your cart is empty");
    await visitor.post("/sign-out");
  });

  it.each([
    ["/cart", { good: "unheard", change: "more" }],
    ["/cart", { good: "hat", change: "sideways" }],
    ["/cart", {}],
    ["/nowhere", { x: "1" }],
  ])("has an answer to a form that does not fit: %s %j", async (path, fields) => {
    const visitor = newVisitor(shop.url);
    const answer = await visitor.post(path, fields as Record<string, string>);
    expect(answer.status).toBe(404);
    expect(answer.setCookies).toEqual([]);
  });

  it("has an answer to a form that is too large, and to one in no known form", async () => {
    const visitor = newVisitor(shop.url);
    expect((await visitor.post("/cart", { good: "x".repeat(20_000) })).status).toBe(413);
    const odd = { "content-type": "application/json" };
    expect((await visitor.post("/cart", { good: "hat" }, odd)).status).toBe(404);
  });

  it("P14 serves a page to whoever comes with a spoiled cookie", async () => {
    const spoiled = ["sid=", "sid=%00", `sid=${"A".repeat(76)}`, `sid=${"x".repeat(8000)}`, "sid"];
    for (const cookie of [...spoiled, spoiled.join("; ")]) {
      const page = await newVisitor(shop.url).get("/session", { cookie });
      expect(page.status).toBe(200);
      expect(page.text).toContain("You have no session");
    }
  });

  it("allows no script and nothing from elsewhere", async () => {
    const { headers, text } = await newVisitor(shop.url).get("/");
    const policy = headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/script-src|unsafe/);
    expect(text).not.toMatch(/<script|javascript:|\son[a-z]+=|\sstyle=/);
    expect(headers.get("x-powered-by")).toBeNull();
  });
});

describe("the shop's door", () => {
  it("lets nobody in with a wrong password, and sets no cookie", async () => {
    const visitor = newVisitor(shop.url);
    const fields = { name: '"><b>ada', password: "wrong", next: "/cart" };
    const answer = await visitor.post("/sign-in", fields);
    expect(answer.status).toBe(422);
    expect(answer.setCookies).toEqual([]);
    expect(answer.text).toContain('role="alert"');
    expect(answer.text).toContain('value="&quot;&gt;&lt;b&gt;ada"');
    expect(answer.text).not.toContain("wrong</");
  });

  it("says the same for a name that nobody has", async () => {
    const visitor = newVisitor(shop.url);
    const texts = [];
    for (const name of ["ada", "zoe"]) {
      const { text } = await visitor.post("/sign-in", { name, password: "nope" });
      texts.push(text.replaceAll(`value="${name}"`, ""));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  it("makes whoever guesses wait, also with the right password then", async () => {
    const own = await startShop(built, { SHOP_DATA: await dataFolder(built) });
    try {
      const visitor = newVisitor(own.url);
      const guess = () => visitor.post("/sign-in", { name: "ada", password: "guess" });
      const answers = await Promise.all(Array.from({ length: 8 }, guess));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([422, 422, 422, 422, 422, 429, 429, 429]);
      const late = await signIn(visitor, "ada");
      expect(late.status).toBe(429);
      expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(late.text).toContain("Too many wrong passwords");
      expect((await signIn(visitor, "grace")).status).toBe(303);
    } finally {
      await own.stop();
    }
  });

  it("says of nobody that they are signed out where it did not look", async () => {
    const visitor = await signedIn("ada");
    const page = await visitor.get("/nowhere");
    expect(page.status).toBe(404);
    expect(page.text).toContain('href="/cart">Cart</a>');
    for (const claim of ["/sign-in", "pieces", "aria-pressed"])
      expect(page.text).not.toContain(claim);
    await visitor.post("/sign-out");
  });

  it("leads to no other site after the sign-in", async () => {
    const visitor = newVisitor(shop.url);
    for (const next of ["//evil.example", "https://evil.example", "/.//evil.example", "/\\evil"]) {
      const { location } = await signIn(visitor, "alan", next);
      expect(new URL(location ?? "", shop.url).origin).toBe(shop.url);
    }
    await visitor.post("/sign-out");
  });

  it("P6 gives a new session id and a new cookie at sign-in and when the password is said again", async () => {
    const visitor = newVisitor(shop.url);
    await visitor.post("/cart", { good: "hat", change: "more" });
    const seen = new Set<string | undefined>();
    const look = async () => {
      const { text } = await visitor.get("/session");
      seen.add(/<code>([\w-]{24})<\/code>/.exec(text)?.[1]);
      seen.add(visitor.cookies.get("sid"));
    };
    await look();
    await signIn(visitor, "ada");
    await look();
    await visitor.post("/confirm", { password: password("ada"), next: "/" });
    await look();
    expect(seen).not.toContain(undefined);
    expect(seen.size).toBe(6);
    await visitor.post("/sign-out");
  });

  it("hands nobody the cart of who was signed in before, only the colours", async () => {
    const visitor = await signedIn("ada");
    await visitor.post("/cart", { good: "hat", change: "more" });
    await visitor.post("/theme", { theme: "dark", from: "/" });
    await signIn(visitor, "grace");
    const cart = await visitor.get("/cart");
    expect(cart.text).toContain("Your cart is empty");
    expect(cart.text).toContain('data-theme="dark"');
    await visitor.post("/sign-out");
  });

  it("P5 closes the session at sign-out, also for a copy of the cookie", async () => {
    const visitor = await signedIn("ada");
    const copy = newVisitor(shop.url);
    for (const [name, value] of visitor.cookies) copy.cookies.set(name, value);
    const answer = await visitor.post("/sign-out");
    expect(answer.location).toBe("/signed-out");
    expect(answer.headers.get("clear-site-data")).toBe('"cache"');
    expect(visitor.cookies.size).toBe(0);
    expect((await copy.get("/account/devices")).location).toBe(
      "/sign-in?next=%2Faccount%2Fdevices",
    );
  });

  it("opens the payment details for five minutes, after the password was said once more", async () => {
    const visitor = await signedIn("ada");
    const refused = await visitor.get("/account/payment");
    expect([refused.status, refused.location]).toEqual([303, "/confirm?next=%2Faccount%2Fpayment"]);
    expect(refused.text).not.toContain("1843");
    const form = await visitor.get("/confirm");
    // Whose password it is, for the program that fills it in.
    expect(form.text).toMatch(/<input[^>]* value="ada" autocomplete="username"[^>]* hidden>/);
    const wrong = await visitor.post("/confirm", { password: password("grace"), next: "/" });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain("This is not your password.");
    expect((await visitor.get("/account/payment")).status).toBe(303);
    const next = "/account/payment";
    const right = await visitor.post("/confirm", { password: password("ada"), next });
    expect(right.location).toBe(next);
    const page = await visitor.get(next);
    expect(page.status).toBe(200);
    expect(page.text).toContain("1843");
    await visitor.post("/sign-out");
  });
});

describe("the shop's own pages for who is signed in", () => {
  it("are not to be kept by anyone", async () => {
    const visitor = await signedIn("ada");
    for (const path of ["/", "/cart", "/session", "/account/devices", "/goods/hat"]) {
      const { headers } = await visitor.get(path);
      expect(headers.get("cache-control"), path).toContain("no-store");
      expect(headers.get("vary"), path).toContain("Cookie");
    }
    await visitor.post("/sign-out");
  });

  it("lead who is not signed in to the door, and back", async () => {
    const visitor = newVisitor(shop.url);
    for (const path of ["/account/devices", "/account/payment", "/confirm"]) {
      const { status, location } = await visitor.get(path);
      expect([status, location]).toEqual([303, `/sign-in?next=${encodeURIComponent(path)}`]);
    }
  });

  it("list the devices by name and sign out one of them", async () => {
    const here = await signedIn(
      "grace",
      "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    );
    const there = await signedIn("grace", "<img src=x onerror=alert(1)>");
    const page = await here.get("/account/devices");
    expect(page.text).toContain("Firefox on Linux");
    expect(page.text).not.toContain("<img");
    const [id = ""] = revokeButtons(page);
    expect((await there.get("/account/devices")).status).toBe(200);
    await here.post("/account/devices", { revoke: id });
    expect((await there.get("/account/devices")).status).toBe(303);
    expect((await here.get("/account/devices")).text).toContain("Signed out:");
    await here.post("/sign-out");
  });

  it("P5 sign out everywhere else, and stay here", async () => {
    const [here, ...others] = await Promise.all(Array.from({ length: 4 }, () => signedIn("grace")));
    if (here === undefined) throw new Error("nobody came");
    expect((await here.post("/account/devices", { revoke: "others" })).status).toBe(303);
    for (const other of others) expect((await other.get("/account/devices")).status).toBe(303);
    const page = await here.get("/account/devices");
    expect(page.status).toBe(200);
    expect(revokeButtons(page)).toEqual([]);
    await here.post("/sign-out");
  });

  it("let nobody end the session of another person, whose id they know", async () => {
    const ada = await signedIn("ada");
    const alan = await signedIn("alan");
    const [, id = ""] = /<code>([\w-]{24})<\/code>/.exec((await ada.get("/session")).text) ?? [];
    expect(id).toHaveLength(24);
    await alan.post("/account/devices", { revoke: id });
    expect((await ada.get("/account/devices")).status).toBe(200);
    await ada.post("/sign-out");
    await alan.post("/sign-out");
  });

  it("P7 P13 show the session id, and never a part of the ticket", async () => {
    const visitor = await signedIn("ada");
    const ticket = visitor.cookies.get("sid") ?? "";
    expect(ticket).toHaveLength(76);
    const { text } = await visitor.get("/session");
    const [, id = ""] = /<code>([\w-]{24})<\/code>/.exec(text) ?? [];
    // The id lies in the ticket in plain sight; what follows it is what opens the session.
    const secrets = Buffer.from(ticket, "base64url").subarray(5 + 18);
    expect(Buffer.from(ticket, "base64url").includes(Buffer.from(id, "base64url"))).toBe(true);
    expect(text).not.toContain(ticket);
    for (let start = 0; start + 6 <= secrets.length; start += 3) {
      expect(text).not.toContain(secrets.subarray(start, start + 6).toString("base64url"));
    }
    expect(shop.output()).not.toContain(ticket);
    await visitor.post("/sign-out");
  });
});

describe("the shop among other sites", () => {
  const fields = { name: "ada", password: password("ada") };

  it.each([
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "junk" },
    { "sec-fetch-site": "cross-site", origin: "null" },
  ])("refuses a change from elsewhere: %j", async (headers) => {
    const visitor = newVisitor(shop.url);
    const answer = await visitor.post("/sign-in", fields, headers as Record<string, string>);
    expect(answer.status).toBe(403);
    expect(answer.setCookies).toEqual([]);
  });

  it.each([
    ["https://evil.example", 403],
    ["null", 403],
    ["http://127.0.0.1:1", 403],
    ["not an origin", 403],
    ["own", 303],
  ])("goes by Origin where a browser does not say more: %s", async (origin, status) => {
    const response = await fetch(`${shop.url}/theme`, {
      method: "POST",
      redirect: "manual",
      headers: { origin: origin === "own" ? shop.url : origin },
      body: new URLSearchParams({ theme: "auto" }),
    });
    expect(response.status).toBe(status);
  });
});

describe("the shop as a program", () => {
  it("starts with npm start, says where it is and what to try, and closes when asked to", async () => {
    const data = await dataFolder(built);
    const child = spawn("npm", ["start"], {
      cwd: built.folder,
      env: { ...process.env, PORT: "0", SHOP_DATA: data },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    // Ctrl+C is for npm and for all that it started.
    const interrupt = () => child.pid !== undefined && process.kill(-child.pid, "SIGINT");
    onTestFinished(() => {
      if (child.exitCode === null && child.signalCode === null) interrupt();
    });
    const own = await whenOpen(child);
    expect(own.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const seed of seeds) expect(own.output()).toContain(seed.password);
    expect(own.output()).toContain("What to try");
    expect((await newVisitor(own.url).get("/")).status).toBe(200);
    interrupt();
    await once(child, "close");
    await expect(fetch(own.url)).rejects.toThrow();
  });

  it("keeps its secret to itself, and sessions over a restart", async () => {
    const env = { SHOP_DATA: await dataFolder(built) };
    const first = await startShop(built, env);
    const secretPath = join(env.SHOP_DATA, "secret");
    const secret = await readFile(secretPath, "utf8");
    expect((await stat(secretPath)).mode & 0o777).toBe(0o600);
    expect(first.output()).not.toContain(secret.trim());

    const before = newVisitor(first.url);
    await before.post("/cart", { good: "flask", change: "more" });
    await before.post("/sign-in", { name: "ada", password: password("ada") });
    expect(await first.stop("SIGINT")).toBe(0);

    const second = await startShop(built, env);
    const after = newVisitor(second.url);
    for (const [name, value] of before.cookies) after.cookies.set(name, value);
    expect((await after.get("/cart")).text).toContain("Half-litre flask");
    expect((await after.get("/account/devices")).status).toBe(200);
    expect(await readFile(secretPath, "utf8")).toBe(secret);
    expect(await second.stop("SIGTERM")).toBe(0);
  });

  it("P8 takes secrets from the environment, and rotates them with nobody logged out", async () => {
    const SHOP_DATA = await dataFolder(built);
    const secret = () =>
      Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
    const [old, young] = [secret(), secret()];
    const first = await startShop(built, { SHOP_DATA, SESSION_SECRET: old });
    const visitor = newVisitor(first.url);
    await visitor.post("/sign-in", { name: "ada", password: password("ada") });
    await first.stop();
    await expect(stat(join(SHOP_DATA, "secret"))).rejects.toThrow("ENOENT");

    const second = await startShop(built, { SHOP_DATA, SESSION_SECRET: `${young},${old}` });
    const later = newVisitor(second.url);
    for (const [name, value] of visitor.cookies) later.cookies.set(name, value);
    expect((await later.get("/account/devices")).status).toBe(200);
    await second.stop();

    const third = await startShop(built, { SHOP_DATA, SESSION_SECRET: young });
    const last = newVisitor(third.url);
    for (const [name, value] of visitor.cookies) last.cookies.set(name, value);
    expect((await last.get("/account/devices")).status).toBe(303);
    await third.stop();
  });

  it("sends production cookies behind a TLS proxy", async () => {
    const own = await startShop(built, { SHOP_DATA: await dataFolder(built), SECURE: "1" });
    const visitor = newVisitor(own.url);
    const { setCookies } = await visitor.post("/cart", { good: "hat", change: "more" });
    expect(setCookies).toHaveLength(1);
    expect(setCookies[0]).toMatch(/^__Host-Http-sid=[\w-]{76}; /);
    expect(setCookies[0]?.split("; ").slice(1).sort()).toEqual([
      "HttpOnly",
      "Path=/",
      "SameSite=Lax",
      "Secure",
    ]);
    await own.stop();
  });

  it("finishes the answer that it owes before it closes", async () => {
    const own = await startShop(built, { SHOP_DATA: await dataFolder(built) });
    const visitor = newVisitor(own.url);
    const answer = visitor.post("/sign-in", { name: "ada", password: password("ada") });
    // The password takes the shop longer to check than the signal takes to arrive.
    await visitor.get("/shop.css");
    const ended = own.stop();
    expect((await answer).status).toBe(303);
    expect(await ended).toBe(0);
  });

  it.each([
    [{ PORT: "many" }, "PORT"],
    [{ HOST: "not a host" }, "HOST"],
    [{ SECURE: "true" }, "SECURE"],
    [{ SESSION_SECRET: "changeme" }, "secrets"],
  ])("refuses %j at the start", async (env, word) => {
    const SHOP_DATA = await dataFolder(built);
    const { code, err } = await failingShop(built, { SHOP_DATA, ...(env as object) });
    expect(code).toBe(2);
    expect(err).toContain(word);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it("says when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const PORT = String((other.address() as AddressInfo).port);
    const { code, err } = await failingShop(built, { SHOP_DATA: await dataFolder(built), PORT });
    other.close();
    expect(code).toBe(1);
    expect(err).toContain(`port ${PORT} is taken`);
  });

  it("says when it cannot keep its data", async () => {
    const file = join(await dataFolder(built), "a-file");
    await writeFile(file, "");
    const { code, err } = await failingShop(built, { SHOP_DATA: join(file, "data") });
    expect(code).toBe(1);
    expect(err).toContain("The shop stays closed");
    expect(err).not.toMatch(/\n\s+at /);
  });
});
