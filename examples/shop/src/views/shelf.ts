/**
 * The front page and the page of one good.
 *
 * @module
 */

import type { Good } from "../goods.ts";
import { goods } from "../goods.ts";
import type { Html } from "../html.ts";
import { html } from "../html.ts";
import { money } from "./format.ts";
import { hallway, picture } from "./pictures.ts";

export function shelfPage(): Html {
  return html`<section class="hero">
    <div class="hero-words">
      <h1>Good things for bad weather.</h1>
      <p class="lead">Eight things, made to be used, so that you can go out anyway.</p>
      <p><a class="button" href="#shelf">See what there is</a></p>
    </div>
    ${hallway()}
  </section>
  <section aria-labelledby="shelf">
    <h2 id="shelf" tabindex="-1">On the shelf</h2>
    <ul class="shelf">${goods.map(tile)}</ul>
  </section>`;
}

export function goodPage(good: Good): Html {
  return html`<article class="good">
    <div class="frame ${good.tile}">${picture(good.id)}</div>
    <div class="good-words">
      <p class="crumb"><a href="/#shelf">All goods</a></p>
      <h1>${good.name}</h1>
      <p class="lead">${good.line}</p>
      <p>${good.story}</p>
      <ul class="details">${good.details.map((detail) => html`<li>${detail}</li>`)}</ul>
      <div class="buy"><p class="price">${money(good.price)}</p>${addForm(good)}</div>
    </div>
  </article>`;
}

function tile(good: Good): Html {
  return html`<li class="tile">
    <a class="frame ${good.tile}" href="/goods/${good.id}" tabindex="-1" aria-hidden="true">${picture(good.id)}</a>
    <div class="tile-words">
      <h3><a href="/goods/${good.id}">${good.name}</a></h3>
      <p>${good.line}</p>
    </div>
    <div class="buy"><p class="price">${money(good.price)}</p>${addForm(good)}</div>
  </li>`;
}

function addForm(good: Good): Html {
  return html`<form method="post" action="/cart">
    <input type="hidden" name="good" value="${good.id}">
    <button name="change" value="more">Add<span class="unseen"> ${good.name}</span> to cart</button>
  </form>`;
}
