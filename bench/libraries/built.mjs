// @ts-check
/**
 * coatcheck as it is built: what is measured is what is published.
 *
 * @module
 */

/** @returns {Promise<any>} the module of this name in `dist/`, such as `"stores/memory"` */
export function built(/** @type {string} */ module) {
  return import(new URL(`../../dist/${module}.js`, import.meta.url).href);
}
