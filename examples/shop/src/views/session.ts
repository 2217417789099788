/**
 * What the session is: everything that may be shown of it, and never the ticket.
 *
 * @module
 */

import type { LoadedSession } from "coatcheck";
import { deviceName } from "../devices.ts";
import type { Html } from "../html.ts";
import { html } from "../html.ts";
import type { ShopData } from "../sessions.ts";
import { fromNow, moment } from "./format.ts";
import { tabs } from "./tabs.ts";

export function sessionPage(session: LoadedSession<ShopData>, now: number): Html {
  if (session.id === undefined) {
    return html`<div class="narrow">
      <h1>You have no session</h1>
      <p class="lead">Nothing is kept about you: no cookie in your browser, no row in our store.</p>
      <p>A session begins when there is something to remember: <a href="/#shelf">put something in the
        cart</a>, choose a colour scheme below, or <a href="/sign-in?next=/session">sign in</a>.</p>
    </div>`;
  }
  const { info } = session;
  return html`<div class="account">
    ${session.userId !== undefined && tabs("/session")}
    <h1>Your session</h1>
    <p class="lead">All that the shop keeps about this browser. What is not here, and on no page: the
      ticket in your cookie, which opens the session. The shop itself keeps only a way to recognise it.</p>
    <div class="columns">
      <section class="card" aria-labelledby="who">
        <h2 id="who">Who</h2>
        <dl class="pairs">
          ${pair("Signed in as", session.userId ?? "Nobody: a visitor")}
          ${pair("Session id", html`<code>${session.id}</code>`)}
          ${pair("Device", deviceName(info.userAgent))}
          ${info.address !== undefined && pair("Address", info.address)}
          ${pair("Remembered", info.remembered ? "Yes, when the browser closes too" : "No")}
        </dl>
        <p class="small">The id names the session, in lists and in logs. It opens nothing. Sign in or
          confirm your password, and it is another one.</p>
      </section>
      <section class="card" aria-labelledby="when">
        <h2 id="when">When</h2>
        <dl class="pairs">
          ${pair("Began", moment(info.createdAt))}
          ${pair("Last seen", fromNow(info.lastSeenAt, now))}
          ${pair("Ends, if unused", fromNow(info.expiresAt, now))}
          ${pair("Ends, in any case", moment(info.endsAt))}
        </dl>
        <p class="small">“Last seen” is written down every few minutes at most, so that looking around
          costs the store nothing.</p>
      </section>
      <section class="card" aria-labelledby="proofs">
        <h2 id="proofs">Proofs</h2>
        ${
          info.authentications.length === 0
            ? html`<p>None. Nobody has signed in.</p>`
            : html`<dl class="pairs">${info.authentications.map(({ method, at }) =>
                pair(html`<code>${method}</code>`, fromNow(at, now)),
              )}</dl>`
        }
      </section>
      <section class="card" aria-labelledby="data">
        <h2 id="data">Data</h2>
        ${
          session.keys().length === 0
            ? html`<p>Nothing yet.</p>`
            : html`<pre tabindex="0" role="group" aria-label="All of it"><code>${JSON.stringify(session.all(), undefined, 2)}</code></pre>`
        }
      </section>
    </div>
  </div>`;
}

function pair(term: Html | string, value: Html | string): Html {
  return html`<div><dt>${term}</dt><dd>${value}</dd></div>`;
}
