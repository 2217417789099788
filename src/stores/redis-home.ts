/**
 * Where a user's sessions are kept together: an HMAC of the user id, under a random key that lies in the
 * store, so that an id names its user to nobody.
 *
 * @module
 */

import { encodeBase64url } from "../lib/base64url.ts";
import { utf8 } from "../lib/bytes.ts";
import { randomBytes } from "../lib/random.ts";
import type { HmacKey } from "../lib/sha256.ts";
import { hmac, hmacKey } from "../lib/sha256.ts";

/** How many characters of an id are its home. */
export const HOME_LENGTH = 8;

const HOME_BYTES = 6;
const KEY_BYTES = 32;
const LOOK_AGAIN = 60_000;
// While none is known. A first look that hangs, as at a node that is dead, must not keep all sign-ins waiting.
const LOOK_AGAIN_FIRST = 1000;
// While one is known, and its node may be dead where others are well.
const LONGEST_LOOK = 500;

/**
 * Homes under the key that `keep` gives: the one it was given, or the one that was there before.
 *
 * It is asked again with the key in use, by whoever needs one a minute after the last time: an eviction must
 * not take it for good, and where a failover or a restart has lost it, and another process was first to put
 * its own there, a cut-off under the old one would miss those who have signed in since.
 */
export function homes(keep: (key: string) => Promise<string>): (userId: string) => Promise<string> {
  let secret = encodeBase64url(randomBytes(KEY_BYTES));
  let key: Promise<HmacKey> | undefined;
  let isKnown = false;
  let lookedAt = 0;

  async function look(): Promise<HmacKey> {
    secret = await keep(secret);
    isKnown = true;
    return hmacKey(utf8(secret));
  }

  function current(): Promise<HmacKey> {
    const before = key;
    // A clock that was set back is no reason to wait for longer.
    const pause = isKnown ? LOOK_AGAIN : LOOK_AGAIN_FIRST;
    if (before !== undefined && Math.abs(Date.now() - lookedAt) < pause) return before;
    lookedAt = Date.now();
    const next = look();
    if (before === undefined || !isKnown) {
      key = next;
      // Nobody is kept from trying again by a failure.
      next.catch(() => {
        if (key === next) key = undefined;
      });
      return next;
    }
    key = new Promise((resolve) => {
      const timer = setTimeout(() => resolve(before), LONGEST_LOOK);
      next.then(
        (found) => {
          clearTimeout(timer);
          key = Promise.resolve(found);
          resolve(found);
        },
        () => {
          clearTimeout(timer);
          resolve(before);
        },
      );
    });
    return key;
  }

  return async (userId) => {
    return encodeBase64url(hmac(await current(), utf8(userId)).subarray(0, HOME_BYTES));
  };
}
