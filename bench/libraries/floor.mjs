/**
 * The floor: what is left when a session library is written by hand for one purpose. No id is ever
 * replaced, nobody is listed or revoked, nothing is touched, two requests overwrite each other.
 *
 * @module
 */

import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from "node:crypto";
import { ONE_DAY, SECRET } from "../fixture.mjs";

export const floor = {
  id: "floor",
  name: "by hand (floor)",
  keeps: "floor",
  setup:
    "40 lines: the cookie cut out by `indexOf`, one HMAC with a `KeyObject`, `timingSafeEqual`, `Map.get`, expiry, `JSON.parse` on the first read, `JSON.stringify` on a change",
  on: ["node", "express"],
  install() {
    const { open, load, save, create } = byHand(SECRET, ONE_DAY * 1000);
    return {
      plug(req, _res, next) {
        req.session = open(req);
        next();
      },
      read: (req) => load(req.session).theme,
      change(req, _res, n) {
        load(req.session).views = n;
        save(req.session);
      },
      start(req, res, data) {
        res.setHeader("Set-Cookie", create(req.session, data));
      },
      get: (key, req) => load(req.session)[key],
    };
  },
};

/** As {@link floor}, with more sessions than a processor's caches hold. */
export const floorMany = {
  ...floor,
  id: "floor-many",
  name: "by hand (floor), 20 000 sessions in turn",
  on: ["node"],
  sessions: 20_000,
};

function byHand(secret, lifetime) {
  const key = createSecretKey(secret, "utf8");
  const records = new Map();
  const sign = (id) => createHmac("sha256", key).update(id).digest("base64url");

  function verifiedId(header) {
    if (header === undefined) return undefined;
    const start = header.indexOf("sid=");
    if (start < 0) return undefined;
    const end = header.indexOf(";", start);
    const cookie = header.slice(start + 4, end < 0 ? undefined : end);
    const dot = cookie.indexOf(".");
    if (dot < 0) return undefined;
    const id = cookie.slice(0, dot);
    const given = Buffer.from(cookie.slice(dot + 1));
    const wanted = Buffer.from(sign(id));
    return given.length === wanted.length && timingSafeEqual(given, wanted) ? id : undefined;
  }

  const open = (req) => ({ req, id: undefined, data: undefined });

  function load(session) {
    if (session.data !== undefined) return session.data;
    const id = verifiedId(session.req.headers.cookie);
    const record = id === undefined ? undefined : records.get(id);
    if (record === undefined || record.expiresAt < Date.now()) {
      session.data = {};
    } else {
      session.id = id;
      session.data = JSON.parse(record.text);
    }
    return session.data;
  }

  function save({ id, data }) {
    if (id === undefined) return;
    records.set(id, { text: JSON.stringify(data), expiresAt: Date.now() + lifetime });
  }

  function create(session, data) {
    session.id = randomBytes(18).toString("base64url");
    session.data = data;
    save(session);
    return `sid=${session.id}.${sign(session.id)}; Path=/; HttpOnly; SameSite=Lax`;
  }

  return { open, load, save, create };
}
