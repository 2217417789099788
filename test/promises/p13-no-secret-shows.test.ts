import { inspect } from "node:util";
import { expect, it } from "vitest";
import { outage } from "../../src/testing/faults.ts";
import { eachWay, SECRET } from "../support/ways.ts";

const show = (value: unknown): string =>
  [
    inspect(value, { depth: 20, showHidden: false }),
    JSON.stringify(value) ?? "",
    value instanceof Error ? `${value.stack} ${inspect(value.cause, { depth: 20 })}` : "",
  ].join("\n");

eachWay((open, { method }) => {
  it("P13 no secret, ticket, cookie value or data shows in a log, error, event, list or inspect", async () => {
    const down = outage();
    const app = await open({
      faults: down.plan,
      ...(method === "stored" ? { rotateEvery: "1h" } : {}),
      sealed: { revocationDelay: "10s" },
    });
    const seen: unknown[] = [app.sessions];
    const secrets = new Set<string>([SECRET]);
    const ada = app.browser();
    const remember = (): void => {
      for (const pair of ada.cookie().split("; ")) {
        const value = pair.slice(pair.indexOf("=") + 1);
        if (value !== "") secrets.add(value);
      }
    };
    for (const step of [
      async () => ada.set("card", "4242-4242-4242-4242"),
      async () => ada.signIn("ada"),
      async () => {
        app.clock.advance("2h");
        return ada.set("card", "4242-4242-4242-4243");
      },
      async () => (await ada.visit((session) => session.elevate("totp"))).head,
    ]) {
      const head = await step();
      remember();
      seen.push(head, head.cookies);
      const visit = ada.begin();
      seen.push(visit.session, await visit.session.load(), await visit.finish());
      remember();
    }
    for await (const each of listed()) seen.push(each);
    const old = ada.copy();
    await ada.visit((session) => session.signOut());
    seen.push(await old.read(), await old.set("x", 1).catch((error: unknown) => error));
    down.begin();
    app.clock.advance("11s");
    await ada.signIn("bob").catch((error: unknown) => seen.push(error));
    for (const name of [
      "created",
      "signedIn",
      "signedOut",
      "rotated",
      "refused",
      "outage",
    ] as const) {
      seen.push(...app.told(name));
    }
    expect(secrets.size).toBeGreaterThan(3);
    for (const value of seen) {
      const text = show(value);
      expect(text).not.toContain("4242-4242");
      for (const secret of secrets) {
        for (const part of [secret, secret.slice(-24), secret.slice(0, 40)]) {
          expect(text, `${part} in ${text.slice(0, 300)}`).not.toContain(part);
        }
      }
    }

    async function* listed() {
      try {
        yield* app.sessions.list("ada");
      } catch (error) {
        yield error;
      }
    }
  });

  it("P13 a configuration error names the option and not the secret", async () => {
    const app = await open();
    const weak = "keyboard cat keyboard cat keyboard cat keyboard cat";
    const failure = (() => {
      try {
        return app.another({ secrets: [SECRET, weak] });
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toMatchObject({ code: "ERR_CONFIG", option: "secrets" });
    expect((failure as Error).message).toContain("secrets[1]");
    expect(show(failure)).not.toContain(weak.slice(0, 12));
  });
});
