/**
 * The cart: how many of what. Plain functions from one cart to the next, fit for `session.update`.
 *
 * @module
 */

import type { Good } from "./goods.ts";
import { findGood } from "./goods.ts";

/** Numbers of pieces by the id of the good. */
export type Cart = Readonly<Record<string, number>>;

export interface CartLine {
  readonly good: Good;
  readonly count: number;
  /** In cents. */
  readonly total: number;
}

/** More of one good than this is somebody's joke. */
export const MOST = 20;

/** The cart with so many pieces of a good; none takes it out. */
export function withCount(cart: Cart = {}, id: string, count: number): Cart {
  const { [id]: _, ...others } = cart;
  if (count < 1 || findGood(id) === undefined) return others;
  return { ...others, [id]: Math.min(count, MOST) };
}

/** The cart with one more piece of a good. */
export function withOneMore(cart: Cart = {}, id: string): Cart {
  return withCount(cart, id, (cart[id] ?? 0) + 1);
}

/** What the cart shows, in the order in which it was filled. What is no longer sold is left out. */
export function cartLines(cart: Cart = {}): readonly CartLine[] {
  return Object.entries(cart).flatMap(([id, count]) => {
    const good = findGood(id);
    return good === undefined ? [] : [{ good, count, total: good.price * count }];
  });
}

export function cartCount(cart: Cart = {}): number {
  return cartLines(cart).reduce((sum, line) => sum + line.count, 0);
}

/** In cents. */
export function cartTotal(cart: Cart = {}): number {
  return cartLines(cart).reduce((sum, line) => sum + line.total, 0);
}
