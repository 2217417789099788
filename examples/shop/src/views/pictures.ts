/**
 * Pictures of the goods, drawn on a square of 240 units. They stand beside their names, so they are
 * hidden from those who listen to the page.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";

/** The picture of a good. */
export function picture(id: string): Html {
  return html`<svg class="picture" viewBox="0 0 240 240" aria-hidden="true" focusable="false">
    ${!hung.has(id) && html`<ellipse class="shadow" cx="120" cy="213" rx="84" ry="8"/>`}${drawings[id]}
  </svg>`;
}

/** The hallway on the front page: everything on its peg. */
export function hallway(): Html {
  return html`<svg class="hallway" viewBox="0 0 640 400" aria-hidden="true" focusable="false">
    <rect x="14" y="46" width="612" height="30" rx="8" fill="#c98f57"/>
    <path d="M30 56h180M242 64h150M430 55h150" stroke="#a8713e" stroke-width="2.5" stroke-linecap="round" opacity=".6"/>
    <path d="M14 68a8 8 0 0 0 8 8h596a8 8 0 0 0 8-8z" fill="#a8713e"/>
    <rect class="floor" x="0" y="366" width="640" height="6" rx="3"/>
    <path class="floor" d="M40 366c6-9 22-12 40-12 22 0 34 4 42 12z"/>
    <path d="M58 92V66a15 15 0 0 1 30 0v4" fill="none" stroke="#a8713e" stroke-width="9" stroke-linecap="round" transform="translate(0 -8)"/>
    <path d="M58 84v40" stroke="#8fa1a9" stroke-width="5"/>
    <path d="M58 112c-16 0-22 18-20 40l14 152q6 8 12 0l14-152c2-22-4-40-20-40z" fill="#d8563f"/>
    <path d="M58 112c10 30 10 120 2 196 2 0 3-2 4-4l14-152c2-22-4-40-20-40z" fill="#b8422f"/>
    <path d="M36 158q22 12 44 0" fill="none" stroke="#fbf3e2" stroke-width="6" opacity=".8"/>
    <path d="M58 306v22" stroke="#17313b" stroke-width="6" stroke-linecap="round"/>
    <g transform="translate(62 40) scale(1.24)">${drawings["raincoat"]}</g>
    <g transform="translate(268 50) scale(1.02)">${drawings["scarf"]}</g>
    <g transform="translate(414 34) scale(.82)">${drawings["hat"]}</g>
    <g transform="translate(410 179) scale(.9)">${drawings["boots"]}</g>
    <g fill="#e0b24c" stroke="#b98a2a" stroke-width="2">
      <circle cx="73" cy="61" r="11"/><circle cx="211" cy="61" r="11"/><circle cx="390" cy="61" r="11"/><circle cx="512" cy="61" r="11"/><circle cx="600" cy="61" r="11"/>
    </g>
    <g transform="translate(600 68) rotate(6)">
      <path d="M0 0v20" stroke="#fbf3e2" stroke-width="2.5"/>
      <path d="M-17 24l8-8h18l8 8v42h-34z" fill="#fbf3e2"/><circle cx="0" cy="24" r="4" fill="#a8713e"/>
      <text x="0" y="56" text-anchor="middle" class="tag">7</text>
    </g>
  </svg>`;
}

/** What hangs on a wall casts no shadow on the floor. */
const hung: ReadonlySet<string> = new Set(["pegs", "mittens"]);

const drawings: Readonly<Record<string, Html>> = {
  umbrella: html`
    <path d="M120 120v74a17 17 0 0 1-34 0v-4" fill="none" stroke="#a8713e" stroke-width="9" stroke-linecap="round"/>
    <path d="M120 112v64" stroke="#8fa1a9" stroke-width="5"/>
    <rect x="116" y="22" width="8" height="22" rx="4" fill="#17313b"/>
    <path d="M24 130a96 96 0 0 1 192 0q-24-22-48 0q-24-22-48 0q-24-22-48 0q-24-22-48 0z" fill="#d8563f"/>
    <path d="M120 34C92 56 76 92 72 130q24-22 48 0z" fill="#b8422f"/>
    <path d="M120 34a96 96 0 0 1 96 96q-24-22-48 0C164 92 148 56 120 34z" fill="#b8422f"/>
    <path d="M58 84a74 74 0 0 1 30-32" fill="none" stroke="#fbf3e2" stroke-width="5" stroke-linecap="round" opacity=".55"/>`,

  raincoat: html`
    <path d="M82 88C58 98 48 140 42 172l30 10 20-62z" fill="#e2a60f"/>
    <path d="M158 88c24 10 34 52 40 84l-30 10-20-62z" fill="#e2a60f"/>
    <path d="M42 172l30 10 3-11-30-10zM198 172l-30 10-3-11 30-10z" fill="#c98a08"/>
    <path d="M80 86q40-16 80 0l20 116q-60 18-120 0z" fill="#f7c02b"/>
    <path d="M120 84v126" stroke="#d99a0b" stroke-width="3"/>
    <path d="M120 84h14v125l-14 1z" fill="#e9ae16"/>
    <path d="M120 22c-30 0-42 26-40 64q40 22 80 0c2-38-10-64-40-64z" fill="#f7c02b"/>
    <path d="M120 40c-20 0-27 18-26 42q26 14 52 0c1-24-6-42-26-42z" fill="#17313b"/>
    <path d="M94 82q26 14 52 0l-4 16q-22 10-44 0z" fill="#e2a60f"/>
    <g fill="#17313b"><circle cx="127" cy="116" r="4.5"/><circle cx="127" cy="142" r="4.5"/><circle cx="127" cy="168" r="4.5"/></g>
    <path d="M74 158l34 4-2 12-34-4zM166 158l-24 3 2 12 24-3z" fill="#d99a0b"/>
    <path d="M90 50c3-9 9-15 17-18" fill="none" stroke="#fff4d2" stroke-width="5" stroke-linecap="round"/>`,

  boots: html`
    <g transform="translate(20 -6)">
      <path d="M92 44h44v98c0 14 40 14 44 44v10H88z" fill="#3c6650"/>
      <rect x="89" y="40" width="50" height="15" rx="5" fill="#2f5340"/>
      <path d="M86 194h96v10a8 8 0 0 1-8 8H94a8 8 0 0 1-8-8z" fill="#22382f"/>
    </g>
    <g transform="translate(-14 0)">
    <path d="M72 46h46v100c0 14 42 16 46 44v10H66z" fill="#5e8f6b"/>
    <path d="M64 196h102v10a8 8 0 0 1-8 8H72a8 8 0 0 1-8-8z" fill="#2c473b"/>
    <rect x="69" y="42" width="52" height="16" rx="5" fill="#45735a"/>
    <path d="M70 158c14 6 34 6 48-4" fill="none" stroke="#45735a" stroke-width="4" stroke-linecap="round"/>
    <path d="M82 72v60" stroke="#93bd9d" stroke-width="6" stroke-linecap="round" opacity=".8"/>
    <rect x="98" y="62" width="14" height="18" rx="3" fill="#fbf3e2"/>
    </g>`,

  scarf: html`
    <g transform="rotate(7 140 120)">
      <rect x="124" y="60" width="46" height="128" fill="#2f6282"/>
      <path d="M124 92h46v12h-46zM124 132h46v12h-46z" fill="#f5b917"/><path d="M124 104h46v8h-46zM124 144h46v8h-46z" fill="#fbf3e2"/><path d="M124 168h46v10h-46z" fill="#d8563f"/>
      <path d="M128 188v16M136 188v18M144 188v16M152 188v18M160 188v16M167 188v17" stroke="#2f6282" stroke-width="4" stroke-linecap="round"/>
    </g>
    <g transform="rotate(-5 96 120)">
      <rect x="72" y="48" width="48" height="142" fill="#4f86a6"/>
      <path d="M72 86h48v12H72zM72 128h48v12H72z" fill="#f5b917"/><path d="M72 98h48v8H72zM72 140h48v8H72z" fill="#fbf3e2"/><path d="M72 168h48v10H72z" fill="#d8563f"/>
      <path d="M76 190v16M84 190v18M92 190v16M100 190v18M108 190v16M116 190v17" stroke="#4f86a6" stroke-width="4" stroke-linecap="round"/>
    </g>
    <path d="M66 62C70 30 96 20 120 20s52 12 54 44c-14 14-34 18-54 18S80 76 66 62z" fill="#3b7496"/>
    <path d="M92 30c8 14 10 30 6 46M146 28c-8 16-10 34-6 50" fill="none" stroke="#f5b917" stroke-width="9"/>
    <path d="M104 27c7 16 8 32 5 51" fill="none" stroke="#fbf3e2" stroke-width="6"/>`,

  hat: html`
    <g fill="#fbf3e2"><circle cx="120" cy="52" r="25"/><circle cx="102" cy="42" r="11"/><circle cx="138" cy="42" r="11"/><circle cx="98" cy="60" r="11"/><circle cx="142" cy="60" r="11"/><circle cx="120" cy="32" r="11"/></g>
    <path d="M112 40q8-6 16 0M104 56q8-6 16 0M122 60q8-6 14 0" fill="none" stroke="#d9c9a6" stroke-width="3" stroke-linecap="round"/>
    <path d="M52 162c0-62 28-92 68-92s68 30 68 92z" fill="#8e5a84"/>
    <path d="M120 70v86M96 75c-10 20-15 48-16 84M144 75c10 20 15 48 16 84" fill="none" stroke="#6f4267" stroke-width="5"/>
    <path d="M60 122q10-12 20 0t20 0 20 0 20 0 20 0 20 0" fill="none" stroke="#f5b917" stroke-width="7" stroke-linejoin="round"/>
    <rect x="42" y="150" width="156" height="48" rx="16" fill="#6f4267"/>
    <path d="M62 156v36M81 156v36M100 156v36M120 156v36M140 156v36M159 156v36M178 156v36" stroke="#58324f" stroke-width="5" stroke-linecap="round"/>`,

  mittens: html`
    <path d="M84 96C88 50 108 34 120 34s32 16 36 62" fill="none" stroke="#fbf3e2" stroke-width="5" stroke-linecap="round"/>
    <circle cx="120" cy="32" r="10" fill="#e0b24c" stroke="#b98a2a" stroke-width="2"/>
    <g transform="rotate(8 80 140)">
      <path d="M104 134c14-6 26 6 20 20-4 10-12 18-22 20z" fill="#b8422f"/>
      <path d="M54 118h52v52c0 24-10 38-26 38s-26-14-26-38z" fill="#d8563f"/>
      <rect x="50" y="92" width="60" height="32" rx="8" fill="#fbf3e2"/>
      <path d="M62 96v24M74 96v24M86 96v24M98 96v24" stroke="#d9c9a6" stroke-width="4" stroke-linecap="round"/>
      <path d="M80 142l6 9 10 2-7 8 1 10-10-4-10 4 1-10-7-8 10-2z" fill="#fbf3e2"/>
    </g>
    <g transform="rotate(-8 160 140)">
      <path d="M136 134c-14-6-26 6-20 20 4 10 12 18 22 20z" fill="#b8422f"/>
      <path d="M134 118h52v52c0 24-10 38-26 38s-26-14-26-38z" fill="#d8563f"/>
      <rect x="130" y="92" width="60" height="32" rx="8" fill="#fbf3e2"/>
      <path d="M142 96v24M154 96v24M166 96v24M178 96v24" stroke="#d9c9a6" stroke-width="4" stroke-linecap="round"/>
      <path d="M160 142l6 9 10 2-7 8 1 10-10-4-10 4 1-10-7-8 10-2z" fill="#fbf3e2"/>
    </g>`,

  flask: html`
    <rect x="72" y="78" width="76" height="134" rx="18" fill="#2f6282"/>
    <path d="M72 96a18 18 0 0 1 18-18h6v134h-6a18 18 0 0 1-18-18z" fill="#4f86a6"/>
    <rect x="72" y="122" width="76" height="12" fill="#f5b917"/><rect x="72" y="138" width="76" height="5" fill="#fbf3e2"/>
    <rect x="80" y="62" width="60" height="20" rx="4" fill="#8fa1a9"/>
    <path d="M78 26h64l-5 40H83z" fill="#c9d4d9"/><path d="M78 26h20l2 40H83z" fill="#e8eef0"/>
    <path d="M140 34h12a8 8 0 0 1 8 9c-1 8-8 13-22 13" fill="none" stroke="#c9d4d9" stroke-width="6" stroke-linecap="round"/>
    <path d="M164 176h46l-5 32a6 6 0 0 1-6 5h-24a6 6 0 0 1-6-5z" fill="#c9d4d9"/><ellipse cx="187" cy="177" rx="23" ry="6" fill="#7a4a2a"/>
    <path class="steam" d="M178 160c-6-8 6-12 0-22M194 160c-6-8 6-12 0-22" fill="none" stroke-width="4" stroke-linecap="round"/>`,

  pegs: html`
    <rect x="18" y="88" width="204" height="44" rx="9" fill="#c98f57"/>
    <path d="M18 122h204v1a9 9 0 0 1-9 9H27a9 9 0 0 1-9-9z" fill="#a8713e"/>
    <path d="M30 100h70M116 106h84M34 112h40" stroke="#a8713e" stroke-width="2.5" stroke-linecap="round" opacity=".65"/>
    <g stroke="#b98a2a" stroke-width="7" stroke-linecap="round"><path d="M40 112v18M80 112v18M120 112v18M160 112v18M200 112v18"/></g>
    <g fill="#e9c164" stroke="#b98a2a" stroke-width="2"><circle cx="40" cy="132" r="11"/><circle cx="80" cy="132" r="11"/><circle cx="120" cy="132" r="11"/><circle cx="160" cy="132" r="11"/><circle cx="200" cy="132" r="11"/></g>
    <g fill="#fff4d2" opacity=".8"><circle cx="37" cy="129" r="3"/><circle cx="77" cy="129" r="3"/><circle cx="117" cy="129" r="3"/><circle cx="157" cy="129" r="3"/><circle cx="197" cy="129" r="3"/></g>
    <g transform="rotate(-5 160 140)">
      <path d="M160 136v20" stroke="#17313b" stroke-width="2.5"/>
      <path d="M141 162l9-9h20l9 9v42h-38z" fill="#d8563f"/><circle cx="160" cy="162" r="4" fill="#17313b"/>
      <text x="160" y="195" text-anchor="middle" class="tag light">7</text>
    </g>`,
};
