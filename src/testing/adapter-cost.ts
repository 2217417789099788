/**
 * What a request may cost: nothing when it does not use its session, one store call when it reads a stored
 * one, and of the head just the characters that the formats say.
 *
 * @module
 */

import type { Answer } from "./adapter-client.ts";
import type { AdapterSceneTest } from "./adapter-scene.ts";
import { COOKIE, longText, readField, sessionCalls, sessionCookies } from "./adapter-scene.ts";
import { expectEqual, expectTrue } from "./expect.ts";

const OURS = ["vary", "cache-control", "clear-site-data"] as const;
const ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax";
const TICKET_CHARACTERS = 76;
const DAY = 86_400_000;

/** The fields of a head, but for the time of day. */
function headOf({ headers, cookies }: Answer): Readonly<Record<string, unknown>> {
  const { date: _, ...others } = headers;
  return { ...others, cookies };
}

/** How many characters the text inside a seal and then the seal has, by the documented format. */
function sealCharacters(text: string): number {
  const plaintext = Math.ceil((1 + 4 + text.length) / 64) * 64;
  const bytes = 1 + 4 + 2 + 12 + plaintext + 16;
  return Math.ceil((bytes * 4) / 3);
}

export const costTests: readonly AdapterSceneTest[] = [
  {
    name: "P1 an untouched request costs nothing: no store call, and not one byte of the head",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/sign-in") (await session.signIn("ada")).set("text", longText(9000));
        return { body: "x" };
      });
      const stranger = await browser().visit();
      const ada = browser();
      await ada.visit("/sign-in");
      scene.recorded.clear();
      const known = await ada.visit();

      for (const { headers, cookies, body } of [stranger, known]) {
        expectEqual(cookies, [], "cookies");
        for (const name of OURS) expectEqual(headers[name], undefined, name);
        expectEqual(body, "x", "body");
      }
      expectEqual(sessionCalls(scene), [], "store calls");
      expectEqual(headOf(known), headOf(stranger), "the head for one who is known");
    },
  },
  {
    name: "the cookie of a session takes as many characters as its name, a ticket and its attributes",
    needs: ["records"],
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/remember") await session.signIn("ada", { remember: true });
        else (await session.load()).set("text", longText(9000));
        return {};
      });
      const ofVisitor = await browser().visit();
      const ofUser = await browser().visit("/remember");
      for (const [answer, attributes] of [
        [ofVisitor, ATTRIBUTES],
        [ofUser, ATTRIBUTES.replace("; Secure", "; Max-Age=2592000; Secure")],
      ] as const) {
        const [field = "", ...more] = answer.cookies;
        expectEqual(more, [], "cookies besides");
        expectEqual(readField(field).attributes, attributes, "attributes");
        const characters = `${COOKIE}=`.length + TICKET_CHARACTERS + attributes.length;
        expectEqual(field.length, characters, "characters of the field");
      }
    },
  },
  {
    name: "the cookies of a session take as many characters as the format of seals says",
    needs: ["chunks"],
    // It stands still, so that every moment has as many digits as the test counts on.
    options: { clock: () => Date.UTC(2026, 0, 1) },
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        (await session.load()).set("n", longText(Number(path.slice(1))));
        return {};
      });
      const moments = [Date.UTC(2026, 0, 1), 30 * DAY, 0, DAY, 0];
      const sealed = (length: number): string =>
        `${"i".repeat(24)}${JSON.stringify(moments)}\n${JSON.stringify({ n: longText(length) })}`;
      // The longest text that a plaintext of two times 64 bytes has room for, and one more.
      const full = 2 * 64 - 5 - sealed(0).length;
      for (const [length, bytes] of [
        [0, 128],
        [full, 128],
        [full + 1, 192],
        [2000, 2112],
      ] as const) {
        const [field = "", ...more] = (await browser().visit(`/${length}`)).cookies;
        expectEqual(more, [], "cookies besides");
        const characters = sealCharacters(sealed(length));
        expectEqual(characters, Math.ceil(((35 + bytes) * 4) / 3), `what ${length} take`);
        expectEqual(readField(field).value.length, characters, `characters for ${length}`);
        const whole = `${COOKIE}=`.length + characters + ATTRIBUTES.length;
        expectEqual(field.length, whole, "characters of the field");
      }
      // In chunks it is the same seal, and nine bytes for each of them that say which one it is.
      const values = (await browser().visit("/6000")).cookies.map(
        (field) => readField(field).value,
      );
      const bytes = values.map(({ length }) => Math.floor((length * 3) / 4) - 9);
      expectEqual(values.length, 3, "cookies");
      const characters = Math.ceil((bytes.reduce((sum, each) => sum + each, 0) * 4) / 3);
      expectEqual(characters, sealCharacters(sealed(6000)), "characters of the seal in chunks");
    },
  },
  {
    name: "P2 P12 reading is one store call at most and no cookie; the answer is private and varies",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        if (path === "/sign-in") await session.signIn("ada");
        return { body: (await session.load()).userId ?? "nobody" };
      });
      const ada = browser();
      await ada.visit("/sign-in");
      scene.recorded.clear();
      const { headers, cookies, body } = await ada.visit();
      expectEqual(body, "ada", "body");
      expectEqual(sessionCalls(scene), scene.method === "stored" ? ["load"] : [], "store calls");
      expectEqual(cookies, [], "cookies");
      expectEqual(headers["vary"], "Cookie", "vary");
      expectEqual(headers["cache-control"], "private", "cache-control");
    },
  },
  {
    name: "P15 a visitor who only reads leaves nothing behind",
    async run(scene) {
      const { browser } = await scene.serve(async (session) => {
        await session.load();
        return { body: "x" };
      });
      const { headers, cookies } = await browser().visit();
      expectEqual(cookies, [], "cookies");
      expectEqual(headers["vary"], "Cookie", "vary");
      expectEqual(sessionCalls(scene), [], "store calls");
    },
  },
  {
    name: "P2 a change is two store calls or one cookie, and is there in the next request",
    async run(scene) {
      const { browser } = await scene.serve(async (session, { path }) => {
        const loaded = await session.load();
        if (path !== "/") loaded.set("path", path);
        return { body: String(loaded.get("path")) };
      });
      const visitor = browser();
      const first = await visitor.visit("/one");
      expectEqual(sessionCookies(first).length, 1, "session cookies of the first change");
      scene.recorded.clear();
      const second = await visitor.visit("/two");
      const isStored = scene.method === "stored";
      expectEqual(sessionCalls(scene), isStored ? ["load", "update"] : [], "store calls");
      expectEqual(second.cookies.length, isStored ? 0 : 1, "cookies of the second change");
      expectEqual((await visitor.visit()).body, "/two", "what was kept");
    },
  },
  {
    name: "the handle of a request is found by what the framework hands around",
    async run(scene) {
      const { browser } = await scene.serve((session, { carrier }) => ({
        body: String(scene.sessions.of(carrier) === session),
      }));
      const { body } = await browser().visit();
      expectTrue(body === "true", "`sessions.of` gives the handle of this request");
    },
  },
];
