/**
 * @fastify/secure-session: the data in the cookie, encrypted by libsodium.
 *
 * @module
 */

import secureSession from "@fastify/secure-session";
import { ONE_DAY, SECRET_HEX } from "../fixture.mjs";

export const fastifySecureSession = {
  id: "fastify-secure-session",
  name: "@fastify/secure-session",
  keeps: "sealed",
  setup:
    "a 32-byte `key`, `expiry` one day, `cookie.path`, as its readme has it (libsodium, native)",
  on: ["fastify"],
  install: () => ({
    async plug(app) {
      await app.register(secureSession, {
        key: Buffer.from(SECRET_HEX, "hex"),
        expiry: ONE_DAY,
        cookie: { path: "/", httpOnly: true, sameSite: "lax" },
      });
    },
    read: (request) => request.session.get("theme"),
    change(request, _reply, n) {
      request.session.set("views", n);
    },
    start(request, _reply, data) {
      for (const [key, value] of Object.entries(data)) request.session.set(key, value);
    },
    get: (key, request) => request.session.get(key),
    set(key, value, request) {
      request.session.set(key, value);
    },
    signIn(user, request) {
      request.session.regenerate();
      request.session.set("user", user);
    },
    end(request) {
      request.session.delete();
    },
  }),
};
