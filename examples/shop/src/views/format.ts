/**
 * Money and moments, as people read them.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";

const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const distance = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });

/** @param cents - as prices are kept. */
export function money(cents: number): string {
  return euros.format(cents / 100);
}

/** "14 Nov 2025, 09:30", for programs to the millisecond. */
export function moment(at: number): Html {
  const date = new Date(at);
  return html`<time datetime="${date.toISOString()}">${day.format(date)}</time>`;
}

/** "12 minutes ago", "in 7 days", for programs to the millisecond. */
export function fromNow(at: number, now: number): Html {
  const seconds = Math.round((at - now) / 1000);
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [0, "now"];
  const words = unit === "now" ? "just now" : distance.format(Math.trunc(seconds / size), unit);
  return html`<time datetime="${new Date(at).toISOString()}">${words}</time>`;
}

const UNITS: readonly (readonly [number, "day" | "hour" | "minute"])[] = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];
