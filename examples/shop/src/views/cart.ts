/**
 * The cart.
 *
 * @module
 */

import type { Cart, CartLine } from "../cart.ts";
import { cartLines, cartTotal, MOST } from "../cart.ts";
import type { Html } from "../html.ts";
import { html } from "../html.ts";
import { money } from "./format.ts";
import { picture } from "./pictures.ts";

/** @param signedIn - whether an order can be placed without signing in first. */
export function cartPage(cart: Cart | undefined, signedIn: boolean): Html {
  const lines = cartLines(cart);
  if (lines.length === 0) {
    return html`<div class="narrow center">
      <h1>Your cart is empty</h1>
      <p class="lead">It starts to rain sooner than one thinks.</p>
      <p><a class="button" href="/#shelf">See what there is</a></p>
    </div>`;
  }
  return html`<div class="with-aside">
    <section aria-labelledby="cart">
      <h1 id="cart">Your cart</h1>
      <ul class="lines">${lines.map(lineItem)}</ul>
    </section>
    <aside class="card sum" aria-labelledby="sum">
      <h2 id="sum">Sum</h2>
      <dl class="pairs">
        <div><dt>Goods</dt><dd>${money(cartTotal(cart))}</dd></div>
        <div><dt>Delivery</dt><dd>Free when it rains</dd></div>
        <div class="total"><dt>Total</dt><dd>${money(cartTotal(cart))}</dd></div>
      </dl>
      <form method="post" action="/order"><button class="wide">${
        signedIn ? "Place the order" : "Sign in and order"
      }</button></form>
      ${!signedIn && html`<p class="small">Your cart comes along when you sign in.</p>`}
    </aside>
  </div>`;
}

function lineItem({ good, count, total }: CartLine): Html {
  const change = (value: string, sign: string, words: string, disabled = false) =>
    html`<button class="quiet${value !== "none" && " round"}" name="change" value="${value}"
      ${disabled && html`disabled`}><span aria-hidden="true">${sign}</span><span class="unseen">${words} ${good.name}</span></button>`;
  return html`<li class="line">
    <a class="frame ${good.tile}" href="/goods/${good.id}" tabindex="-1" aria-hidden="true">${picture(good.id)}</a>
    <div class="line-words">
      <h2><a href="/goods/${good.id}">${good.name}</a></h2>
      <p class="small">${money(good.price)} each</p>
    </div>
    <form class="stepper" method="post" action="/cart">
      <input type="hidden" name="good" value="${good.id}">
      ${change("less", "−", "One less:")}
      <span class="number"><span class="unseen">Pieces: </span>${count}</span>
      ${change("more", "+", "One more:", count >= MOST)}
      ${change("none", "Remove", "Remove")}
    </form>
    <p class="price">${money(total)}</p>
  </li>`;
}
