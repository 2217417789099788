/**
 * Everything that a network does to people at work, one thing after the other.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Work } from "./history.ts";
import type { TcpProxy, Weather } from "./tcp-proxy.ts";

const TIMES = 20;
const LASTS = 700;

const WEATHERS: Readonly<Record<string, Weather>> = {
  "everything dropped": "gone",
  "replies dropped": "deaf",
  "replies 300 ms late": { lateBy: 300 },
};

export async function tryNetwork(work: Work, proxy: TcpProxy): Promise<void> {
  await work.during(`${TIMES} cuts`, async () => {
    for (let count = 0; count < TIMES; count += 1) {
      await sleep(20);
      proxy.cut();
    }
  });
  await work.during(`${TIMES} replies cut in the middle`, async () => {
    for (let count = 0; count < TIMES; count += 1) await proxy.cutReply(8);
  });
  for (const [what, weather] of Object.entries(WEATHERS)) {
    await work.during(what, async () => {
      proxy.weather = weather;
      await sleep(LASTS);
      proxy.weather = "fair";
      // What was thrown away leaves a connection on which replies no longer fit their questions.
      proxy.cut();
    });
    await work.calm(100);
  }
}
