/**
 * The shop itself: shelf, cart, order, colours, and what the session is.
 *
 * @module
 */

import { addFlash } from "coatcheck/flash";
import { Router } from "express";
import { cartLines, withCount, withOneMore } from "../cart.ts";
import { field, ownPath } from "../forms.ts";
import { findGood } from "../goods.ts";
import type { ShowPage } from "../page.ts";
import { cartPage } from "../views/cart.ts";
import { sessionPage } from "../views/session.ts";
import { goodPage, shelfPage } from "../views/shelf.ts";

export function shopPages(showPage: ShowPage): Router {
  const router = Router();

  router.get("/", (req, res) =>
    showPage(req, res, { title: "Good things for bad weather", body: shelfPage() }),
  );

  router.get("/goods/:id", async (req, res, next) => {
    const good = findGood(req.params.id);
    if (good === undefined) return next();
    await showPage(req, res, { title: good.name, body: goodPage(good) });
  });

  router.get("/cart", async (req, res) => {
    const session = await req.session.load();
    const body = cartPage(session.get("cart"), session.userId !== undefined);
    await showPage(req, res, { title: "Cart", body });
  });

  router.post("/cart", async (req, res, next) => {
    const good = findGood(field(req, "good"));
    if (good === undefined) return next();
    const { id } = good;

    // Atomic: pieces that are added in ten tabs at once are all in the cart.
    switch (field(req, "change")) {
      case "more":
        await req.session.update("cart", (cart) => withOneMore(cart, id));
        break;
      case "less":
        await req.session.update("cart", (cart) => withCount(cart, id, (cart?.[id] ?? 0) - 1));
        break;
      case "none":
        await req.session.update("cart", (cart) => withCount(cart, id, 0));
        await addFlash(req.session, "info", `${good.name}: taken out of your cart.`);
        break;
      default:
        return next();
    }
    res.redirect(303, "/cart");
  });

  router.post("/order", async (req, res) => {
    const session = await req.session.requireUser();
    if (cartLines(session.get("cart")).length === 0) return res.redirect(303, "/cart");
    await req.session.update("cart", () => undefined);
    await addFlash(
      req.session,
      "good",
      "Thank you! Your order is placed. As this is a demo, nothing will arrive.",
    );
    res.redirect(303, "/");
  });

  router.post("/theme", async (req, res) => {
    const session = await req.session.load();
    const theme = field(req, "theme");
    if (theme === "light" || theme === "dark") session.set("theme", theme);
    else if (session.has("theme")) session.delete("theme");
    res.redirect(303, ownPath(field(req, "from")));
  });

  router.get("/session", async (req, res) => {
    const body = sessionPage(await req.session.load(), Date.now());
    await showPage(req, res, { title: "Your session", body });
  });

  return router;
}
