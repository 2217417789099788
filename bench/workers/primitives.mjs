// @ts-check
/**
 * The parts that a request is made of, each in a tight loop, beside what Node offers for the same.
 * Sends nanoseconds per operation to its parent.
 *
 * @module
 */

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { SECRET, sessionData } from "../fixture.mjs";
import { built } from "../libraries/built.mjs";

const { createKeyRing } = await built("token/key-ring");
const { seal, unseal } = await built("token/seal");
const { mintTicket, newSessionId, openTicket } = await built("token/ticket");

const { rounds, batchMs } = JSON.parse(process.argv[2] ?? "{}");

const ring = createKeyRing({ secrets: [SECRET], app: "", cookieName: "__Host-Http-sid" });
const body = JSON.stringify(sessionData(1));
const now = Date.now();
const month = 30 * 86_400_000;
const id = newSessionId();
// Many, because a compiler would remember the answer for one.
const tickets = Array.from({ length: 1024 }, () => mintTicket(ring, newSessionId()).text);
const seals = await Promise.all(tickets.map(() => seal(ring, body, now)));
const forgedTickets = tickets.map(
  (text) => `${text.slice(0, 40)}${text[40] === "A" ? "B" : "A"}${text.slice(41)}`,
);

const hmacKey = createSecretKey(SECRET, "utf8");
const sign = (/** @type {string} */ text) => createHmac("sha256", hmacKey).update(text).digest();
const signed = tickets.map((text) => ({
  text: text.slice(0, 32),
  tag: sign(text.slice(0, 32)).toString("base64url"),
}));
const aesKey = createSecretKey(randomBytes(32));
const boxes = seals.map(() => nodeSeal(body));

check(openTicket(ring, tickets[0]).verifier !== undefined, "open a ticket");
check(openTicket(ring, forgedTickets[0]) === "forged", "refuse a forged ticket");
for (const text of seals) {
  const opened = await unseal(ring, text, now, month);
  check(opened.body === body, "open the seal");
}
check(nodeOpen(boxes[0] ?? "") === body, "open Node's");

let sink = 0;
let turn = 0;
const next = (/** @type {readonly any[]} */ list) => {
  turn = (turn + 1) & 1023;
  return list[turn];
};

/** @type {Record<string, () => unknown>} */
const operations = {
  "open a ticket": () => openTicket(ring, next(tickets)),
  "refuse a forged ticket": () => openTicket(ring, next(forgedTickets)),
  "mint a ticket": () => mintTicket(ring, id),
  "Node: verify an HMAC (createHmac with a KeyObject, timingSafeEqual)": () => {
    const { text, tag } = next(signed);
    return timingSafeEqual(Buffer.from(tag, "base64url"), sign(text));
  },
  "seal the session": () => seal(ring, body, now),
  "open the seal": () => unseal(ring, next(seals), now, month),
  "Node: AES-256-GCM and base64url, seal": () => nodeSeal(body),
  "Node: AES-256-GCM and base64url, open": () => nodeOpen(next(boxes)),
  "JSON.stringify the session": () => JSON.stringify(sessionData(turn++)),
  "JSON.parse the session": () => JSON.parse(body),
};

/** @type {Record<string, number[]>} */
const results = Object.fromEntries(Object.keys(operations).map((name) => [name, []]));
for (let round = -1; round < rounds; round++) {
  for (const [name, operation] of Object.entries(operations)) {
    const ns = time(operation);
    if (round >= 0) results[name]?.push(ns);
  }
}
if (sink < 0) throw new Error("unreachable");
process.send?.(results);
process.disconnect?.();

function time(/** @type {() => any} */ operation) {
  let count = 0;
  /** @type {any} */ (globalThis).gc?.({ type: "minor" });
  const until = performance.now() + batchMs;
  const before = process.cpuUsage();
  do {
    for (let n = 0; n < 200; n++) sink += operation() ? 1 : 0;
    count += 200;
  } while (performance.now() < until);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

function nodeSeal(/** @type {string} */ text) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", aesKey, nonce);
  const sealed = Buffer.concat([
    nonce,
    cipher.update(text, "utf8"),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return sealed.toString("base64url");
}

function nodeOpen(/** @type {string} */ text) {
  const bytes = Buffer.from(text, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", aesKey, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), undefined, "utf8") + decipher.final("utf8");
}

function check(/** @type {boolean} */ holds, /** @type {string} */ what) {
  if (!holds) throw new Error(`${what} does not do its work`);
}
