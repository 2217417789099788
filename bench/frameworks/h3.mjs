/**
 * h3 2 on Node.
 *
 * @module
 */

import { H3, toNodeHandler } from "h3";

export async function listener(_installed, handlers) {
  const app = new H3();
  for (const [path, handler] of handlers) {
    app.get(path, (event) => handler(() => event.url.searchParams, event));
  }
  return toNodeHandler(app);
}
