/**
 * Says in words what a user agent is: "Firefox on Windows".
 *
 * @module
 */

import Bowser from "bowser";

/** For people to recognise their devices by, and for nothing else: a user agent is only a claim. */
export function deviceName(userAgent: string | undefined): string {
  if (userAgent === undefined || userAgent === "") return "Unknown device";
  const { browser, os } = parse(userAgent);
  const name = browser.name || "Unknown browser";
  return os.name === undefined || os.name === "" ? name : `${name} on ${os.name}`;
}

/** Whether to draw a phone or a computer. */
export function isHandheld(userAgent: string | undefined): boolean {
  if (userAgent === undefined || userAgent === "") return false;
  const { type } = parse(userAgent).platform;
  return type === "mobile" || type === "tablet";
}

function parse(userAgent: string): Bowser.Parser.ParsedResult {
  // What browsers say is shorter; what is longer is somebody's attempt to keep the parser busy.
  return Bowser.parse(userAgent.slice(0, 512));
}
