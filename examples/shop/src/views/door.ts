/**
 * Sign-in, the second look at who you are, and the goodbye.
 *
 * @module
 */

import type { Html } from "../html.ts";
import { html } from "../html.ts";
import { LONGEST_PASSWORD, seeds } from "../people.ts";

export interface SignInForm {
  /** Where to go afterwards. */
  readonly next: string;
  /** What was typed last time. */
  readonly name?: string;
  /** Why it did not work last time. */
  readonly problem?: string | undefined;
}

export function signInPage({ next, name = "", problem }: SignInForm): Html {
  return html`<div class="narrow">
    <h1>Sign in</h1>
    ${trouble(problem)}
    <form class="card stack" method="post" action="/sign-in">
      <input type="hidden" name="next" value="${next}">
      <p><label for="name">Name</label>
        <input id="name" name="name" value="${name}" autocomplete="username" autocapitalize="none"
          spellcheck="false" required maxlength="64"${problem === undefined && html` autofocus`}></p>
      ${password(problem)}
      <p class="check"><input type="checkbox" id="remember" name="remember" value="yes">
        <label for="remember">Keep me signed in on this device</label></p>
      <p><button class="wide">Sign in</button></p>
    </form>
    <section class="people" aria-labelledby="people">
      <h2 id="people">Who lives here</h2>
      <p class="small">This is a demo, so the passwords are on the door.</p>
      <table>
        <thead><tr><th scope="col">Name</th><th scope="col">Password</th></tr></thead>
        <tbody>${seeds.map(
          ({ id, password }) =>
            html`<tr><th scope="row">${id}</th><td><code>${password}</code></td></tr>`,
        )}</tbody>
      </table>
    </section>
  </div>`;
}

/**
 * @param id - of who is signed in already. Hidden in the form: a password manager looks for it there.
 * @param name - the same person's, as people say it.
 */
export function confirmPage(id: string, name: string, { next, problem }: SignInForm): Html {
  return html`<div class="narrow">
    <h1>Is it still you, ${name}?</h1>
    <p class="lead">What comes next is for your eyes only, so please say your password once more.
      It holds for five minutes.</p>
    ${trouble(problem)}
    <form class="card stack" method="post" action="/confirm">
      <input type="hidden" name="next" value="${next}">
      <input name="name" value="${id}" autocomplete="username" readonly hidden>
      ${password(problem, true)}
      <p><button class="wide">It is me</button></p>
    </form>
  </div>`;
}

export function signedOutPage(): Html {
  return html`<div class="narrow center">
    <h1>You are signed out</h1>
    <p class="lead">The session is closed for good: its cookie opens nothing any more, even for
      somebody who kept a copy.</p>
    <p><a class="button" href="/">Back to the shop</a></p>
  </div>`;
}

function trouble(problem: string | undefined): Html | undefined {
  if (problem === undefined) return undefined;
  return html`<p class="message bad" id="problem" role="alert">${problem}</p>`;
}

function password(problem: string | undefined, autofocus = problem !== undefined): Html {
  return html`<p><label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required
      maxlength="${LONGEST_PASSWORD}"${autofocus && html` autofocus`}${
        problem !== undefined && html` aria-invalid="true" aria-describedby="problem"`
      }></p>`;
}
