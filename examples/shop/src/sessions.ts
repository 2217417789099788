/**
 * The sessions of this shop: what they hold, where they lie, when they end.
 *
 * @module
 */

import type { SessionOf, Sessions } from "coatcheck";
import { createSessions } from "coatcheck";
import type { FlashData } from "coatcheck/flash";
import type { Revocations, SessionStore } from "coatcheck/stores/contract";
import type { Request } from "express";
import type { Cart } from "./cart.ts";
import type { Theme } from "./views/layout.ts";

/** What a session of the shop may hold. */
export interface ShopData extends FlashData {
  readonly cart: Cart;
  /** Absent: as the device has it. */
  readonly theme: Theme;
}

export type ShopSessions = Sessions<ShopData>;

declare global {
  namespace Express {
    interface Request {
      session: SessionOf<ShopSessions>;
    }
  }
}

export interface SessionPlace {
  /** The first makes, all of them open. */
  readonly secrets: readonly string[];
  readonly store: SessionStore & Revocations;
  /** Whether browsers come over https. */
  readonly secure: boolean;
}

/** Opens the sessions of the shop. */
export function openSessions({ secrets, store, secure }: SessionPlace): ShopSessions {
  return createSessions<ShopData>({
    secrets,
    store,
    dev: !secure,
    // Nobody has more devices than this in use, and the page that lists them stays short.
    maxSessionsPerUser: 20,
    clearSiteData: ["cache"],
    // Express knows which proxies it may believe.
    address: (request) => (request as unknown as Request).ip,
  });
}
