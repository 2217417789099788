/**
 * The negative table of the values: what each library was asked besides, and whether it took that. We refuse
 * what it refuses, and a few things more.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { beakerSession } from "../../src/interop/beaker.ts";
import { djangoSession, djangoSigning } from "../../src/interop/django.ts";
import { flaskCookie } from "../../src/interop/flask.ts";
import { flaskKvSession } from "../../src/interop/flask-kvsession.ts";
import { signer, timestampSigner, urlSafeTimedSerializer } from "../../src/interop/itsdangerous.ts";
import { isRefused } from "../../src/interop/source.ts";
import { cookieReader, recordsInMemory } from "./records.ts";

const NOW = 1_763_600_000_000;

// biome-ignore lint/suspicious/noExplicitAny: the shape is that of the libraries, each its own.
type Vectors = any;

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("vectors/python-sessions.json", import.meta.url), "utf8"),
);

/** One thing that a library was asked: it has given a result, or an error. */
interface Case {
  readonly case: string;
  readonly result?: unknown;
  readonly error?: string;
}

/** What we make of a case: the reason why it is refused, or the value. */
type Ours = Readonly<Record<string, () => Promise<object>>>;

/** Asks us the same, and compares: `stricter` names what only the library takes. */
function sameAs(cases: readonly Case[], ours: Ours, stricter: Readonly<Record<string, string>>) {
  it("is asked about every case, and no other", () => {
    expect(Object.keys(ours).sort()).toEqual(cases.map((row) => nameOf(row)).sort());
  });

  it.each(cases)("$case", async (row) => {
    const name = nameOf(row);
    const answer = await ours[name]?.();
    const reason = stricter[name];
    if (reason !== undefined) expect(answer).toMatchObject({ refused: reason });
    else if (row.error === undefined) expect(answer).toMatchObject({ value: row.result });
    else expect(answer).toHaveProperty("refused");
  });
}

function nameOf(row: Case): string {
  return row.case.replace(/^valid .*/, "valid");
}

describe.each(["itsdangerous-2.1.2", "itsdangerous-2.2.0"])("%s", (version) => {
  const made = vectors.itsdangerous[version];
  const secrets = ["secret-key"];
  const plain = signer({ secrets });
  const timed = timestampSigner({ secrets });

  it("a signature has one spelling, of those that it takes", async () => {
    const [first, ...others] = made.signer_base64_malleability as {
      canonical: string;
      accepted_last_chars: string[];
      token: string;
    }[];
    const { canonical = "", accepted_last_chars = [] } = first ?? {};
    expect(await plain.unsign(canonical)).toEqual({ value: "v" });
    const spellings = accepted_last_chars.map((last) => canonical.slice(0, -1) + last);
    expect(spellings).toContain(canonical);
    for (const text of [...spellings, ...others.map(({ token }) => token)]) {
      if (text !== canonical) expect(isRefused(await plain.unsign(text)), text).toBe(true);
    }
  });

  it("a separator that may stand in a signature is refused at the start, and more than it sees", () => {
    for (const { sep } of made.signer_bad_sep as { sep: string }[]) {
      expect(() => signer({ secrets, separator: sep }), sep).toThrow(/`separator`/);
    }
  });

  it("what was signed by no algorithm is refused", async () => {
    const { signed } = made.signer_none_algorithm;
    expect(await plain.unsign(signed)).toHaveProperty("refused");
  });

  it("a time of before 1.0, counted from 2011, is another time, and too old", async () => {
    const { signed, epoch, time } = made.pre_1_0_epoch;
    const old = timestampSigner({ secrets, salt: "s", keyDerivation: "hmac" });
    const read = await old.unsign(signed, { now: NOW });
    expect(read).toEqual({ value: "value", signedAt: (time - epoch) * 1000 });
    expect(await old.unsign(signed, { now: NOW, maxAge: 31 * 86_400 })).toMatchObject({
      refused: "expired",
    });
  });

  describe("what has a time", () => {
    const valid = validOf(made.timestamp_signer_cases);
    const at = (seconds: number, maxAge?: number) =>
      timed.unsign(valid, {
        now: NOW + seconds * 1000,
        ...(maxAge !== undefined && { maxAge, leeway: 0 }),
      });
    const signed = async (value: string) => timed.unsign(await plain.sign(value), { now: NOW });
    sameAs(
      made.timestamp_signer_cases,
      {
        valid: () => at(0),
        "max_age=10 at age 10 (boundary: accepted)": () => at(10, 10),
        "max_age=9 at age 10": () => at(10, 9),
        "max_age=0 at age 0": () => at(0, 0),
        "age -1 with max_age": () => at(-1, 10),
        "age -1 without max_age": () => at(-1),
        "tampered value": () => timed.unsign(valid.replace("v", "V"), { now: NOW }),
        "wrong key": () => timestampSigner({ secrets: ["other"] }).unsign(valid, { now: NOW }),
        "no separator": () => timed.unsign("value", { now: NOW }),
        empty: () => timed.unsign("", { now: NOW }),
        "signed without timestamp": () => signed("value"),
        "signed with malformed timestamp": () => signed("value.!!!!"),
        "signed with 9-byte timestamp": () => signed("value.AQIDBAUGBwgJ"),
        "malformed timestamp AND bad signature": () =>
          timed.unsign("value.AQIDBAUGBwgJ.CUSG3cAuAtixpVkKh-oFnBCNEHQ", { now: NOW }),
      },
      { "signed with malformed timestamp": "malformed" },
    );
  });

  describe("what has a payload", () => {
    const serializer = urlSafeTimedSerializer({ secrets });
    const signing = timestampSigner({ secrets, salt: "itsdangerous" });
    const signed = async (payload: string) =>
      serializer.loads(await signing.sign(payload, NOW), { now: NOW });
    const dumped = (salt?: string) =>
      urlSafeTimedSerializer({ secrets, ...(salt !== undefined && { salt }) }).dumps({ a: 1 }, NOW);
    const loads = (text: string) => serializer.loads(text, { now: NOW });
    sameAs(
      made.serializer_cases,
      {
        "bad payload base64 (length 1 mod 4), signature right": () => signed("a"),
        "payload base64 of not-JSON, signature right": () => signed("bm90IGpzb24"),
        '"." payload not zlib, signature right': () => signed(".AAAA"),
        "wrong salt": async () => loads(await dumped("another")),
        truncated: async () => loads((await dumped()).slice(0, -3)),
        "loads_unsafe on tampered signature": async () => loads(`${await dumped()}A`),
      },
      { "loads_unsafe on tampered signature": "forged" },
    );
  });
});

describe.each(["django-3.2.25", "django-5.2.17"])("%s", (version) => {
  const made = vectors.django[version];
  const secrets = [made.SECRET_KEY as string];
  const signing = djangoSigning({ secrets });

  describe("signed values", () => {
    const valid = validOf(made.signing_cases);
    const at = (seconds: number, maxAge?: number) =>
      signing.loads(valid, { now: NOW + seconds * 1000, ...(maxAge !== undefined && { maxAge }) });
    sameAs(
      made.signing_cases,
      {
        valid: () => at(0),
        tampered: () => signing.loads(valid.replace("eyJh", "eyJi"), { now: NOW }),
        "last char same bits (string compare -> rejected)": () =>
          signing.loads(`${valid.slice(0, -1)}9`, { now: NOW }),
        "max_age 10 at age 10": () => at(10, 10),
        "max_age 9 at age 10": () => at(10, 9),
        "5 s in the future with max_age (accepted)": () => at(-5, 10),
        "no sep": () => signing.loads("abc", { now: NOW }),
        "wrong salt": () => djangoSigning({ secrets, salt: "other" }).loads(valid, { now: NOW }),
      },
      {},
    );
  });

  it.each((made.legacy_pre_3_1_session_data ?? []) as { data: string }[])(
    "a row of before 3.1, which it reads, is refused: $data",
    async ({ data }) => {
      const key = "fxlbyo85tx23abmk5msxq0daxbgcfk91";
      const records = recordsInMemory({ [key]: { value: data } });
      const source = djangoSession({ secrets, records, layout: "db" });
      const opened = await source.open(cookieReader({ sessionid: key }), NOW);
      expect(opened).toHaveProperty("refused");
    },
  );
});

describe.each(["flask-2.2.2", "flask-3.1.3"])("%s", (version) => {
  const { cookie_values, http } = vectors.flask[version];
  const source = flaskCookie({ secrets: [cookie_values.secret] });

  it("a last character with the same bits is refused, which it takes", async () => {
    const { original, sent } = http.tampered_last_char_same_bits_still_ACCEPTED;
    expect(await source.open(cookieReader(pairOf(original)), NOW)).toMatchObject({
      data: { a: 1 },
    });
    expect(await source.open(cookieReader(pairOf(sent)), NOW)).toMatchObject({ refused: "forged" });
  });
});

describe.each(["beaker-1.11.0", "beaker-head-1.14.0dev"])("%s", (version) => {
  const made = vectors.beaker[version];
  const { id, cookie, secret } = made.signed_id_cookie;
  const text = pairOf(cookie)["beaker.session.id"] as string;
  const source = beakerSession({
    ...{ secrets: [secret], layout: "redis", version: "1.11" },
    records: recordsInMemory({}),
  });
  const rows = (made.signed_id_cookie_cases as { case: string; value: string }[]).map((row) => ({
    case: row.case,
    ...(row.value.includes("InvalidSignature") || row.value === "None"
      ? { error: row.value }
      : { result: row.value.slice(1, -1) }),
  }));
  const open = async (value: string) => {
    await source.seal({ data: { a: 1 }, origin: { id } }, NOW);
    const opened = await source.open(cookieReader({ "beaker.session.id": value }), NOW);
    return isRefused(opened) ? opened : { value: opened.identity };
  };
  sameAs(
    rows,
    {
      valid: () => open(text),
      "tampered id": () => open(`${text.slice(0, -1)}e`),
      "unsigned id": () => open(id),
      "uppercase sig": () => open(text.slice(0, 40).toUpperCase() + text.slice(40)),
      quoted: () => open(`"${text}"`),
      empty: () => open(""),
    },
    {},
  );
});

describe("flask-kvsession", () => {
  const made = vectors.flask_kvsession.dict;
  const open = async (cookie: string, records: Record<string, { value: Uint8Array }>) =>
    flaskKvSession({ secrets: ["devkey"], records: recordsInMemory(records) }).open(
      cookieReader(pairOf(cookie)),
      NOW,
    );
  const record = { value: new Uint8Array(Buffer.from(made.set.store[0].value_hex, "hex")) };

  it("a last character with the same bits is refused, which it takes", async () => {
    const { original, sent } = made["last_char_changed_accepted?"];
    const [key = ""] = (pairOf(original)["session"] as string).split(".");
    expect(await open(original, { [key]: record })).toMatchObject({ data: { a: 1 } });
    expect(await open(sent, { [key]: record })).toMatchObject({ refused: "forged" });
  });

  it.each(["signed_but_malformed_id", "signed_two_underscores", "signed_huge_created"])(
    "%s is refused, where it answers 500",
    async (name) => {
      expect(made[name].status).toBe(500);
      const ids: Readonly<Record<string, string>> = {
        signed_but_malformed_id: "nonsense",
        signed_two_underscores: "1_2_3",
        signed_huge_created: "1_ffffffffffffffff",
      };
      const signed = await signer({ secrets: ["devkey"] }).sign(ids[name] as string);
      expect(await open(`session=${signed}`, {})).toMatchObject({ refused: "malformed" });
    },
  );
});

function validOf(cases: readonly Case[]): string {
  return (cases[0]?.case ?? "").slice("valid ".length);
}

function pairOf(cookie: string): Record<string, string> {
  const [, name = "", value = ""] = /^\s*([^=]+)=([^;]*)/.exec(cookie) ?? [];
  return { [name]: value };
}
