/**
 * When something is not there or did not work. Needs no session: it may be the session that failed.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";

export function troublePage(heading: string, words: string): Html {
  return html`<div class="narrow center">
    <h1>${heading}</h1>
    <p class="lead">${words}</p>
    <p><a class="button" href="/">Back to the shop</a></p>
  </div>`;
}
