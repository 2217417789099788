/**
 * A tab of a browser and what a person does in it, whichever program drives it.
 *
 * @module
 */

import { until } from "./until.ts";

/** A cookie as the browser keeps it. */
export interface KeptCookie {
  readonly name: string;
  readonly value: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: string;
  readonly path: string;
  readonly domain: string;
  /** Whether it ends with the browser. */
  readonly endsWithBrowser: boolean;
}

/** How browsers keep a session's cookie that was asked for nothing else. */
export const AS_IN_PRODUCTION: Partial<KeptCookie> = {
  httpOnly: true,
  secure: true,
  sameSite: "lax",
  path: "/",
  domain: "localhost",
  endsWithBrowser: true,
};

/** What drives a tab has to do. */
export interface Driver {
  /** Resolves when the page has loaded, as does `reload`. */
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  back(): Promise<void>;
  /** Runs an expression in the page and waits for it. @returns the string that it gives. */
  evaluate(expression: string): Promise<string>;
  /** Clicks the one element that a selector finds. */
  click(selector: string): Promise<void>;
  /** Types where the focus is. */
  type(text: string): Promise<void>;
  /** Those of the page's own origin. */
  cookies(): Promise<KeptCookie[]>;
}

export interface Tab extends Pick<Driver, "goto" | "reload" | "cookies"> {
  url(): Promise<string>;
  /** Goes back one page, and waits until another one is there: loaded, or as it was left. */
  back(): Promise<void>;
  /** Runs a function in the page. It sees nothing from around it but its arguments. */
  run<A extends unknown[], T>(body: (...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** The text of the one element that a selector finds. */
  text(selector: string): Promise<string>;
  /** The names of the page's buttons, as they are read out. */
  buttons(): Promise<string[]>;
  /** Clicks the one button of this name, and waits for the next page. */
  press(name: string): Promise<void>;
  /** Types into the field of this label. */
  fill(label: string, text: string): Promise<void>;
}

export function tabOf(driver: Driver): Tab {
  const { goto, reload, cookies } = driver;

  async function run<A extends unknown[], T>(
    body: (...args: A) => T | Promise<T>,
    ...args: A
  ): Promise<T> {
    const call = `(${body})(...${JSON.stringify(args)})`;
    const text = await driver.evaluate(`(async () => JSON.stringify([await ${call}]))()`);
    return JSON.parse(text)[0] as T;
  }

  /** Does what leads to another page, and waits for it. A page out of a cache never loads. */
  async function leave(how: () => Promise<void>): Promise<void> {
    const here = await run(() => {
      const page = `${Math.random()}`;
      Object.assign(window, { page });
      return page;
    });
    await how();
    await until("another page is there", () => run(isElsewhere, here));
  }

  /** Marks the one element that is read out so, for a click. @returns a selector that finds it. */
  async function find(selector: string, name: string): Promise<string> {
    const names = await run(namesOf, selector);
    const at = names.indexOf(name);
    if (at < 0 || at !== names.lastIndexOf(name)) {
      throw new Error(`“${name}” is not just one of ${JSON.stringify(names)} on ${await url()}`);
    }
    await run(
      (selector, at) => {
        document.querySelector("[data-found]")?.removeAttribute("data-found");
        document.querySelectorAll(selector)[at]?.setAttribute("data-found", "");
      },
      selector,
      at,
    );
    return "[data-found]";
  }

  const url = (): Promise<string> => run(() => location.href);
  return {
    goto,
    reload,
    cookies,
    url,
    run,
    back: () => leave(driver.back),
    async text(selector) {
      return run((selector) => {
        const found = document.querySelectorAll(selector);
        if (found.length !== 1) throw new Error(`${found.length} × ${selector}`);
        return found[0]?.textContent ?? "";
      }, selector);
    },
    buttons: () => run(namesOf, "button"),
    async press(name) {
      const button = await find("button", name);
      await leave(() => driver.click(button));
    },
    async fill(label, text) {
      await driver.click(await find("label", label));
      await driver.type(text);
    },
  };
}

/** In the page: what elements are called, without what is only there to be seen. */
function namesOf(selector: string): string[] {
  return [...document.querySelectorAll(selector)].map((element) => {
    const copy = element.cloneNode(true) as Element;
    for (const unread of copy.querySelectorAll("[aria-hidden]")) unread.remove();
    return (copy.textContent ?? "").replace(/\s+/g, " ").trim();
  });
}

/** In the page. */
function isElsewhere(here: string): boolean {
  // Between two pages Firefox has an empty one.
  if (document.readyState !== "complete" || location.href === "about:blank") return false;
  return Reflect.get(window, "page") !== here;
}
