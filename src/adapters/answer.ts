/**
 * Answers a request on Node with a failure.
 *
 * @module
 */

import type { HeadChanges } from "../core/session.ts";
import { utf8Length } from "../lib/bytes.ts";
import type { Failure } from "./failure.ts";
import { describesEntity } from "./failure.ts";
import { applyHead } from "./head.ts";
import type { NodeResponse } from "./node-response.ts";
import { isHttp2 } from "./node-response.ts";

/**
 * Sends a failure in place of what the app has prepared, without the headers that describe that.
 *
 * @param end - the `end` to call, where the response's own leads elsewhere
 */
export function answer(
  res: NodeResponse,
  { status, headers, body }: Failure,
  changes: HeadChanges,
  end: (...args: never[]) => unknown = res.end,
): void {
  for (const name of res.getHeaderNames()) {
    if (describesEntity(name)) res.removeHeader(name);
  }
  res.statusCode = status;
  if (!isHttp2(res)) res.statusMessage = "";
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader("Content-Length", String(utf8Length(body)));
  applyHead(changes, res);
  (end as (this: NodeResponse, body: string) => unknown).call(res, body);
}
