// @ts-check
/**
 * autocannon in a process of its own. Each connection is a client with a session of its own.
 *
 * @module
 */

// @ts-expect-error it has no types
import autocannon from "autocannon";
import { CONNECTIONS } from "../harness/load.mjs";

const { port, path, cookies, seconds } = /** @type {import("../harness/load.mjs").Load} */ (
  JSON.parse(process.argv[2] ?? "{}")
);
let next = 0;
const result = await autocannon({
  url: `http://127.0.0.1:${port}${path}`,
  connections: CONNECTIONS,
  duration: seconds,
  setupClient(/** @type {any} */ client) {
    if (cookies.length > 0) client.setHeaders({ cookie: cookies[next++ % cookies.length] });
  },
});
if (result.non2xx + result.errors + result.timeouts > 0) {
  throw new Error(`autocannon ${path}: ${result.non2xx} refused, ${result.errors} errors`);
}
process.send?.({ answered: result["2xx"], elapsed: result.duration });
process.disconnect?.();
