/**
 * The page around every page: head, landmarks, navigation, messages.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";

/** A message that is shown once. */
export interface Message {
  readonly kind: string;
  readonly text: string;
}

/** What the page around needs to know. Never the session itself. */
export interface Frame {
  readonly title: string;
  /** The page's own path, for the mark in the navigation. */
  readonly path: string;
  /** The name of who is signed in. */
  readonly name?: string | undefined;
  /** Absent where nobody has looked who it is: then the page says nothing that depends on it. */
  readonly cartCount?: number;
  readonly theme?: Theme | undefined;
  readonly messages: readonly Message[];
}

export type Theme = "light" | "dark";

export function layout(frame: Frame, body: Html): Html {
  const { title, theme, messages } = frame;
  return html`<!doctype html>
<html lang="en"${theme !== undefined && html` data-theme="${theme}"`}>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · Drizzle</title>
  <link rel="preload" href="/fonts/fraunces.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="preload" href="/fonts/figtree.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="stylesheet" href="/shop.css">
  <link rel="icon" href="/drop.svg" type="image/svg+xml">
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  ${header(frame)}
  <main id="main" tabindex="-1">
    <div class="messages" role="status" aria-live="polite">${messages.map(
      ({ kind, text }) => html`<p class="message ${kind}">${text}</p>`,
    )}</div>
    ${body}
  </main>
  ${footer(frame)}
</body>
</html>
`;
}

function header({ path, name, cartCount }: Frame): Html {
  return html`<header class="top">
    <a class="brand" href="/">${drop}<span>Drizzle</span></a>
    <nav aria-label="Shop and account">
      <ul>
        <li><a href="/session"${here(path, "/session")}>Your session</a></li>
        ${
          cartCount !== undefined &&
          (name === undefined
            ? html`<li><a href="/sign-in"${here(path, "/sign-in")}>Sign in</a></li>`
            : html`<li><a href="/account/devices"${here(path, "/account")}>${name.split(" ")[0]}<span class="unseen">’s account</span></a></li>
        <li><form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></li>`)
        }
        <li><a class="cart-link" href="/cart"${here(path, "/cart")}>Cart${cartCount !== undefined && count(cartCount)}</a></li>
      </ul>
    </nav>
  </header>`;
}

function count(pieces: number): Html {
  const words = pieces === 1 ? "1 piece" : `${pieces} pieces`;
  return html` <span class="count"><span aria-hidden="true">${pieces}</span><span class="unseen">, ${words}</span></span>`;
}

function here(path: string, section: string): Html | undefined {
  if (path === section) return html` aria-current="page"`;
  return path.startsWith(`${section}/`) ? html` aria-current="true"` : undefined;
}

function footer({ path, theme, cartCount }: Frame): Html {
  const choice = (value: string, label: string) => html`<button name="theme" value="${value}"
      aria-pressed="${value === (theme ?? "auto") ? "true" : "false"}">${label}</button>`;
  return html`<footer class="bottom">
    <p>Drizzle sells nothing: it is the example of <strong>coatcheck</strong>, sessions for TypeScript
      servers. It works without JavaScript, and has none.</p>
    ${
      cartCount !== undefined &&
      html`<form class="themes" method="post" action="/theme" aria-label="Colours">
      <input type="hidden" name="from" value="${path}">
      ${choice("light", "Light")}${choice("auto", "As my device")}${choice("dark", "Dark")}
    </form>`
    }
  </footer>`;
}

const drop: Html = html`<svg class="drop" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
  <path d="M16 2c6 8 10 13 10 18.5a10 10 0 0 1-20 0C6 15 10 10 16 2z"/><path class="glint" d="M11 20a5 5 0 0 0 5 5.5"/></svg>`;
