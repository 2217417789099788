/**
 * What every page has to do with the request: who looks, in which colours, and what to say once.
 *
 * @module
 */

import { takeFlash } from "coatcheck/flash";
import type { Request, Response } from "express";
import { cartCount } from "./cart.ts";
import type { Html } from "./html.ts";
import { render } from "./html.ts";
import type { People } from "./people.ts";
import type { Message } from "./views/layout.ts";
import { layout } from "./views/layout.ts";

/** Sends a page of the shop. */
export type ShowPage = (req: Request, res: Response, page: Page) => Promise<void>;

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** @default 200 */
  readonly status?: number;
}

export function pageShower(people: People): ShowPage {
  return async function showPage(req, res, { title, body, status = 200 }) {
    const messages = await messagesFor(req);
    const session = await req.session.load();
    const { userId } = session;

    // Of pages that show whose they are, nobody keeps a copy: after sign-out "back" asks the server.
    if (userId !== undefined) res.set("Cache-Control", "no-store");

    const frame = {
      title,
      path: req.path,
      name: userId === undefined ? undefined : (people.find(userId)?.name ?? userId),
      cartCount: cartCount(session.get("cart")),
      theme: session.get("theme"),
      messages,
    };
    res
      .status(status)
      .type("html")
      .send(render(layout(frame, body)));
  };
}

/** Messages are taken only by what will show them: not by a HEAD, not by a page fetched on suspicion. */
async function messagesFor(req: Request): Promise<readonly Message[]> {
  if (req.method === "HEAD" || req.get("sec-purpose")?.startsWith("prefetch")) return [];
  return takeFlash(req.session);
}
