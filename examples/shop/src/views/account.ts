/**
 * The pages of who is signed in: devices and payment details.
 *
 * @module
 */

import type { ListedSession } from "coatcheck";
import { deviceName, isHandheld } from "../devices.ts";
import type { Html } from "../html.ts";
import { html } from "../html.ts";
import type { Person } from "../people.ts";
import { fromNow, moment } from "./format.ts";
import { tabs } from "./tabs.ts";

/** @param here - the id of the session that looks at the page. */
export function devicesPage(devices: readonly ListedSession[], here: string, now: number): Html {
  const others = devices.length - 1;
  return html`<div class="account">
    ${tabs("/account/devices")}
    <h1>Your devices</h1>
    <p class="lead">Every browser in which you are signed in. Sign out the one that you left on the train.</p>
    <ul class="devices">${devices.map((device) => deviceItem(device, device.id === here, now))}</ul>
    ${
      others > 0 &&
      html`<form class="card row" method="post" action="/account/devices">
        <p><strong>${others === 1 ? "One other device" : `${others} other devices`}</strong><br>
          <span class="small">This one stays signed in.</span></p>
        <button class="danger" name="revoke" value="others">Sign out everywhere else</button>
      </form>`
    }
  </div>`;
}

export function paymentPage(person: Person, provenAt: number, now: number): Html {
  return html`<div class="account">
    ${tabs("/account/payment")}
    <h1>Payment details</h1>
    <p class="lead">You said your password ${fromNow(provenAt, now)}. Five minutes after that this page asks again.</p>
    <div class="pay">
      <div class="bank-card">
        <p class="bank">${person.card.brand}</p>
        <p class="digits"><span class="unseen">Card number ending in </span><span aria-hidden="true">•••• •••• •••• </span>${person.card.last4}</p>
        <p class="bank-row"><span>${person.name}</span><span><span class="unseen">Expires </span>${person.card.expires}</span></p>
      </div>
      <section class="card" aria-labelledby="bill">
        <h2 id="bill">Bill to</h2>
        <address>${person.name}${person.address.map((line) => html`<br>${line}`)}</address>
      </section>
    </div>
  </div>`;
}

function deviceItem(device: ListedSession, isHere: boolean, now: number): Html {
  const name = deviceName(device.userAgent);
  return html`<li class="card device">
    ${isHandheld(device.userAgent) ? phone : computer}
    <div>
      <h2>${name}${isHere && html` <span class="badge">This device</span>`}</h2>
      <p class="small">Signed in ${moment(device.authenticatedAt ?? device.createdAt)}${
        device.address !== undefined && html` from ${device.address}`
      }<br>Last seen ${fromNow(device.lastSeenAt, now)}${device.remembered && ", remembered"}</p>
    </div>
    ${
      !isHere &&
      html`<form method="post" action="/account/devices">
        <button class="outline" name="revoke" value="${device.id}">Sign out<span class="unseen"> ${name}</span></button>
      </form>`
    }
  </li>`;
}

const computer: Html = html`<svg class="glyph" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
  <rect x="8" y="10" width="32" height="22" rx="3"/><path d="M4 38h40"/></svg>`;
const phone: Html = html`<svg class="glyph" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
  <rect x="14" y="5" width="20" height="38" rx="4"/><path d="M22 37h4"/></svg>`;
