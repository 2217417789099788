/**
 * The way between the pages of who is signed in.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";

export function tabs(current: string): Html {
  return html`<nav class="tabs" aria-label="Account"><ul>${PAGES.map(
    ([path, label]) =>
      html`<li><a href="${path}"${path === current && html` aria-current="page"`}>${label}</a></li>`,
  )}</ul></nav>`;
}

const PAGES = [
  ["/account/devices", "Devices"],
  ["/account/payment", "Payment"],
  ["/session", "Session"],
] as const;
