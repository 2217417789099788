/**
 * The cookie of a session in express-session's API: settings with a running age.
 *
 * @module
 */

import { cookieText } from "./cookie-text.ts";
import type { CookieInside, CookieOptions, CookieSettings, Cookie as CookieType } from "./types.ts";

export type Cookie = CookieType;

// A function, since its users call it in the ways that a class of the language forbids.
/** Makes a cookie. @throws {TypeError} when the options are not an object, or `maxAge` is no number. */
export const Cookie: { new (options?: CookieOptions): CookieType; prototype: CookieType } =
  function Cookie(this: CookieInside, options?: CookieOptions): void {
    this.path = "/";
    this.maxAge = null;
    this.httpOnly = true;
    if (options) {
      if (typeof options !== "object") throw new TypeError("argument options must be a object");
      for (const [name, value] of Object.entries(options)) {
        if (name !== "data") Reflect.set(this, name, value);
      }
    }
    this.originalMaxAge ??= this.maxAge ?? null;
  } as never;

const prototype: Partial<CookieInside> & ThisType<CookieInside> = {
  get expires() {
    return this._expires;
  },
  set expires(date) {
    this._expires = date;
    this.originalMaxAge = this.maxAge as number | null;
  },
  get maxAge() {
    const { expires } = this;
    return expires instanceof Date ? expires.valueOf() - Date.now() : expires;
  },
  set maxAge(age: number | null | undefined) {
    // Where no compiler looks, a moment passes too.
    const moment: unknown = age;
    if (age && typeof age !== "number" && !(moment instanceof Date)) {
      throw new TypeError("maxAge must be a number or Date");
    }
    this.expires = typeof age === "number" ? new Date(Date.now() + age) : (moment as Date | null);
    // What is left of it is a millisecond less now and then, and would look like a change.
    if (typeof age === "number") this.originalMaxAge = age;
  },
  get data(): CookieSettings {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure as boolean | undefined,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    };
  },
  serialize(name, value) {
    return cookieText(name, value, this.data);
  },
  toJSON() {
    return this.data;
  },
};

Object.defineProperties(Cookie.prototype, Object.getOwnPropertyDescriptors(prototype));
