/**
 * Tells the tests whether only some of each file run, picked by name.
 *
 * @module
 */

import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    readonly isNarrowed: boolean;
  }
}

export function setup(project: TestProject): void {
  project.provide("isNarrowed", project.vitest.config.testNamePattern !== undefined);
}
