/**
 * `coatcheck inspect`: says what a session cookie is, and what is in it.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ConfigError } from "../../errors.ts";
import { isRefused } from "../../interop/source.ts";
import type { Command } from "../command.ts";
import type { CookieCase, CookieKind, Verified } from "../cookie-kind.ts";
import { KINDS } from "../cookie-kinds.ts";

export const inspect: Command = {
  name: "inspect",
  summary: "Say what a session cookie is, and with its secret what is in it.",
  usage: "coatcheck inspect <cookie> [--secret <secret>]...",
  details: `Takes a cookie's value, or name=value, or a whole Cookie line. Without a secret it
says whose cookie it is and who can read it. With one it verifies it, and shows
what is in it and when it ends. Knows coatcheck's own cookies and those of
express-session, cookie-session, koa-session, iron-session, h3,
@fastify/session and secure-session, React Router, Auth.js, Better Auth, Rails,
Flask, Flask-Session, Flask-KVSession, Django and Beaker.

  coatcheck inspect "$COOKIE"
  SESSION_SECRET=... coatcheck inspect "__Host-Http-sid=$COOKIE"

  --secret <secret>   Verify with this secret; may be given more than once.
                      Default: what SESSION_SECRET holds, which no list of
                      processes shows.
  --app <app>         The option \`app\` of the app. Default: none.

It prints no secret and no ticket. What is in a session may be private all the
same.`,

  async run(args, { stdout }) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        secret: { type: "string", multiple: true },
        app: { type: "string", default: "" },
      },
    });
    const [text, ...rest] = positionals;
    if (text === undefined || rest.length > 0) {
      throw new ConfigError("<cookie>", "must be given, once, in quotation marks");
    }
    const fromEnvironment = process.env["SESSION_SECRET"];
    const secrets = values.secret ?? (fromEnvironment ? [fromEnvironment] : []);
    let isOne = false;
    for (const cookie of cookiesOf(text)) {
      const kinds = KINDS.filter(({ looks }) => looks(cookie.value));
      if (kinds.length === 0) continue;
      isOne = true;
      stdout.write(await describe({ ...cookie, secrets, app: values.app, now: Date.now() }, kinds));
    }
    if (isOne) return 0;
    stdout.write("No session cookie of a kind that is known.\n");
    return 1;
  },
};

/** The cookies of what was typed. */
function cookiesOf(typed: string): Pick<CookieCase, "name" | "value" | "others">[] {
  // Copied along, such as the line end of a file from Windows, it is no part of a cookie.
  const text = typed.trim();
  const pairs = text
    .replace(/^(?:set-)?cookie: */i, "")
    .split(/; */)
    .map((pair) => /^([\w!#$%&'*+.^`|~-]+)=([^=].*)$/s.exec(pair));
  const all = joined(
    new Map(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1], pair[2]]])) as never),
  );
  const isLine = [...all.values()].some((value) => KINDS.some(({ looks }) => looks(value)));
  if (!isLine) return [{ name: undefined, value: text, others: new Map() }];
  return [...all].map(([name, value]) => ({ name, value, others: all }));
}

/**
 * Puts together what other libraries have cut: `name.0` and so on; of h3 `name.1` and so on, which `name` counts.
 * Ours say themselves what they are parts of.
 */
function joined(all: ReadonlyMap<string, string>): Map<string, string> {
  const whole = new Map(all);
  for (const [name, value] of all) {
    const isCounted = /^__chunked__\d+$/.test(value);
    if (!isCounted && !name.endsWith(".0")) continue;
    const base = isCounted ? name : name.slice(0, -2);
    let text = "";
    for (let at = isCounted ? 1 : 0; all.has(`${base}.${at}`); at += 1) {
      text += all.get(`${base}.${at}`);
      whole.delete(`${base}.${at}`);
    }
    whole.set(base, text);
  }
  return whole;
}

/** The first kind that verifies; else all that it may be. */
async function describe(cookie: CookieCase, kinds: readonly CookieKind[]): Promise<string> {
  const lines = cookie.name === undefined ? [] : [`${printable(cookie.name)}`];
  const problems: string[] = [];
  for (const kind of cookie.secrets.length === 0 ? [] : kinds) {
    const verified = await verify(kind, cookie);
    if (typeof verified === "string") problems.push(`${kind.kind}: ${verified}`);
    else return [...lines, ...shown(kind, verified), ""].join("\n");
  }
  for (const { kind, about } of kinds) {
    lines.push(`  ${kinds.length > 1 ? "may be" : "is"}  ${kind}`, `        ${about}`);
  }
  if (problems.length === 0) lines.push("  Not verified: give its secret with --secret.");
  else
    lines.push("  Not genuine under the given secrets.", ...problems.map((each) => `    ${each}`));
  return `${lines.join("\n")}\n`;
}

async function verify(kind: CookieKind, cookie: CookieCase): Promise<Verified | string> {
  try {
    const verified = await kind.verify(cookie);
    return isRefused(verified) ? verified.problem : (verified as Verified);
  } catch (error) {
    // A secret that cannot be one of this library's.
    if (error instanceof ConfigError) return error.message.replace(/^coatcheck: /, "");
    throw error;
  }
}

function shown({ kind, about }: CookieKind, { facts, data }: Verified): string[] {
  const lines = [`  is    ${kind}, genuine`, `        ${about}`];
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) lines.push(`  ${name}: ${printable(String(value))}`);
  }
  if (data === undefined) return lines;
  const json = JSON.stringify(data, asJson, 2) ?? "";
  return [...lines, "  data:", ...json.split("\n").map((line) => `    ${printable(line)}`)];
}

function asJson(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

// It goes to a terminal: no control characters.
function printable(text: string): string {
  return text.replace(/\p{C}/gu, "?");
}
