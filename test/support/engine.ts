/**
 * What the tests want of a browser's engine.
 *
 * @module
 */

import type { Tab } from "./tab.ts";

export interface Engine {
  readonly name: string;
  /** What has to be on the machine, by the names of `COATCHECK_REQUIRE`. */
  readonly programs: Readonly<Record<string, string | undefined>>;
  /** Whether it holds cookies to their names: `__Host-Http-` then keeps scripts from setting one. */
  readonly knowsPrefixes: boolean;
  start(): Promise<RunningEngine>;
}

export interface RunningEngine {
  /** A tab in a browser of somebody's own: no cookies, no history. Any certificate will do. */
  newBrowser(): Promise<Tab>;
  /** Ends those browsers, and leaves the engine running. */
  closeBrowsers(): Promise<void>;
  stop(): Promise<void>;
}
