import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { agent } from "../../../src/testing/agent.ts";

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sets the cookies of the `set` parameter, and answers with the `Cookie` header that it got. */
const echo: RequestListener = (req, res) => {
  const url = new URL(req.url ?? "/", "http://localhost");
  for (const field of url.searchParams.getAll("set")) res.appendHeader("set-cookie", field);
  res.end(req.headers.cookie ?? "");
};

const set = (...fields: string[]): string =>
  `?${fields.map((field) => `set=${encodeURIComponent(field)}`).join("&")}`;

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe("agent", () => {
  it("sends the cookies that it was given, the newest of a name", async () => {
    const client = agent(await serve(echo));
    await client.fetch(`/${set("a=1; Path=/; HttpOnly", "b=x=y")}`);
    await client.fetch(`/${set("a=2; Path=/; HttpOnly")}`);
    expect(await (await client.fetch("/")).text()).toBe("a=2; b=x=y");
    expect(Object.fromEntries(client.cookies())).toEqual({ a: "2", b: "x=y" });
  });

  it.each([
    ["Max-Age=0", "a=; Max-Age=0"],
    ["a negative Max-Age", "a=; Max-Age=-5"],
    ["Expires in the past", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
    ["Max-Age over Expires", "a=; Expires=Thu, 01 Jan 2970 00:00:00 GMT; Max-Age=0"],
  ])("forgets a cookie with %s", async (_what, field) => {
    const client = agent(await serve(echo));
    await client.fetch(`/${set("a=1", "b=2")}`);
    await client.fetch(`/${set(field)}`);
    expect(await (await client.fetch("/")).text()).toBe("b=2");
  });

  it.each([
    "a=1; Max-Age=60",
    "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "a=1; Expires=no date",
  ])("keeps %s", async (field) => {
    const client = agent(await serve(echo));
    await client.fetch(`/${set(field)}`);
    expect(client.cookies().get("a")).toBe("1");
  });

  it("sends a cookie to its path only, the longest path first", async () => {
    const url = await serve(echo);
    const client = agent(url);
    await client.fetch(`/${set("a=root; Path=/", "a=shop; Path=/shop")}`);
    await client.fetch(`/shop/cart/add${set("deep=1")}`);
    expect(await (await client.fetch("/")).text()).toBe("a=root");
    expect(await (await client.fetch("/shop")).text()).toBe("a=shop; a=root");
    expect(await (await client.fetch("/shop/cart")).text()).toBe("deep=1; a=shop; a=root");
    expect(await (await client.fetch("/shopping")).text()).toBe("a=root");
    for (const path of ["/shop", "/shop?page=2", `${url}/shop`]) {
      expect(client.cookies(path).get("a")).toBe("shop");
    }
  });

  it("refuses a Secure cookie over http, as a browser does, and says what to do", async () => {
    const client = agent(await serve(echo));
    await expect(client.fetch(`/${set("__Host-sid=1; Secure; Path=/")}`)).rejects.toThrow(
      "make the sessions with `dev: true`",
    );
    expect(client.cookies().size).toBe(0);
  });

  it("follows redirects and keeps the cookies that they set", async () => {
    const url = await serve((req, res) => {
      if (req.url === "/sign-in" && req.method === "POST") {
        res.writeHead(303, { location: "/account", "set-cookie": "sid=1" }).end();
        return;
      }
      const { cookie = "" } = req.headers;
      res.end([req.method, req.url, cookie, req.headers["content-type"] ?? "none"].join(" "));
    });
    const client = agent(url);
    const body = new URLSearchParams({ name: "ada" });
    const response = await client.fetch("/sign-in", { method: "POST", body });
    expect(await response.text()).toBe("GET /account sid=1 none");
  });

  it("sends method and body again where the redirect says so", async () => {
    const url = await serve((req, res) => {
      if (req.url === "/old") {
        res.writeHead(307, { location: "/new" }).end();
        return;
      }
      let text = "";
      req.on("data", (chunk) => {
        text += chunk;
      });
      req.on("end", () => res.end(`${req.method} ${text}`));
    });
    const response = await agent(url).fetch("/old", { method: "POST", body: "again" });
    expect(await response.text()).toBe("POST again");
  });

  it("leaves redirects alone when asked to, and gives up on a circle", async () => {
    const url = await serve((_req, res) => res.writeHead(302, { location: "/" }).end());
    const client = agent(url);
    expect((await client.fetch("/", { redirect: "manual" })).status).toBe(302);
    await expect(client.fetch("/", { redirect: "error" })).rejects.toThrow("redirected to /");
    await expect(client.fetch("/")).rejects.toThrow("more than 20 redirects");
  });

  it("takes its cookies to no other site", async () => {
    const other = await serve(echo);
    const client = agent(await serve((_req, res) => res.writeHead(302, { location: other }).end()));
    await expect(client.fetch(`${other}/`)).rejects.toThrow("this agent keeps the cookies of");
    await expect(client.fetch("/")).rejects.toThrow("this agent keeps the cookies of");
  });

  it("a copy goes its own way", async () => {
    const client = agent(await serve(echo));
    await client.fetch(`/${set("a=1")}`);
    const thief = client.copy();
    await client.fetch(`/${set("a=2")}`);
    expect(thief.cookies().get("a")).toBe("1");
    expect(client.cookies().get("a")).toBe("2");
  });

  it("sends a Cookie header of the caller's as it is", async () => {
    const client = agent(await serve(echo));
    await client.fetch(`/${set("a=1")}`);
    const response = await client.fetch("/", { headers: { cookie: "planted=1" } });
    expect(await response.text()).toBe("planted=1");
  });
});
