/**
 * The session cookies of libraries for Python.
 *
 * @module
 */

import { beakerCookie } from "../interop/beaker.ts";
import { djangoCookie } from "../interop/django.ts";
import { flaskCookie } from "../interop/flask.ts";
import { signer } from "../interop/itsdangerous.ts";
import { unsignBeaker } from "../interop/python/beaker-crypto.ts";
import { answer } from "../interop/python/refusal.ts";
import { isRefused } from "../interop/source.ts";
import type { CookieKind } from "./cookie-kind.ts";
import { bySource, moment, NAMES, named, SIGNED } from "./cookie-kind.ts";

/** The more particular first. */
export const PYTHON_KINDS: readonly CookieKind[] = [
  {
    kind: "Django, signed cookie",
    about: SIGNED,
    usualName: "sessionid",
    looks: (value) => /^"?\.?[\w-]+:[\w-]{5,7}:[\w-]{27,86}"?$/.test(value),
    verify: (cookie) =>
      bySource(djangoCookie({ secrets: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "Flask",
    about: SIGNED,
    usualName: "session",
    looks: (value) => /^\.?[\w-]+\.[\w-]{4,7}\.[\w-]{27,86}$/.test(value),
    verify: (cookie) =>
      bySource(flaskCookie({ secrets: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "Flask-KVSession",
    about: NAMES,
    usualName: "session",
    looks: (value) => /^[0-9a-f]+_[0-9a-f]+\.[\w-]{27}$/.test(value),
    async verify({ value, secrets }) {
      const opened = await signer({ secrets }).unsign(value);
      if (isRefused(opened)) return opened;
      const seconds = Number.parseInt(opened.value.split("_")[1] ?? "", 16);
      return { facts: { created: moment(seconds * 1000) } };
    },
  },
  {
    kind: "Flask-Session, signed id",
    about: NAMES,
    usualName: "session",
    looks: (value) => /^[\w-]{16,64}\.[\w-]{27}$/.test(value),
    async verify({ value, secrets }) {
      const idSigner = signer({ secrets, salt: "flask-session", keyDerivation: "hmac" });
      const opened = await idSigner.unsign(value);
      return isRefused(opened) ? opened : { facts: {} };
    },
  },
  {
    kind: "Beaker, in the cookie",
    about: SIGNED,
    usualName: "beaker.session.id",
    looks: (value) => /^"?[0-9a-f]{40}[\w+/=-]{20,}"?$/.test(value) && value.length > 80,
    verify: (cookie) =>
      bySource(beakerCookie({ validateKeys: cookie.secrets, ...named(cookie) }), cookie),
  },
  {
    kind: "Beaker, signed id",
    about: NAMES,
    usualName: "beaker.session.id",
    looks: (value) => /^"?[0-9a-f]{72}"?$/.test(value),
    verify: async ({ value, secrets }) =>
      await answer(async () => {
        await unsignBeaker(secrets, value);
        return { facts: {} };
      }),
  },
];
