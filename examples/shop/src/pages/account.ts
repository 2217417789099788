/**
 * For who is signed in: devices, and behind a fresh proof the payment details.
 *
 * @module
 */

import type { ListedSession } from "coatcheck";
import { addFlash } from "coatcheck/flash";
import { Router } from "express";
import { deviceName } from "../devices.ts";
import { field } from "../forms.ts";
import type { ShowPage } from "../page.ts";
import type { People } from "../people.ts";
import type { ShopSessions } from "../sessions.ts";
import { devicesPage, paymentPage } from "../views/account.ts";
import { CONFIRMED } from "./door.ts";

export function accountPages(sessions: ShopSessions, people: People, showPage: ShowPage): Router {
  const router = Router();

  router.get("/account/devices", async (req, res) => {
    const { userId, id } = await req.session.requireUser();
    const body = devicesPage(await devicesOf(userId, id), id, Date.now());
    await showPage(req, res, { title: "Your devices", body });
  });

  router.post("/account/devices", async (req, res) => {
    const { userId, id } = await req.session.requireUser();
    const which = field(req, "revoke");
    if (which === "others") {
      await req.session.revokeOthers();
      await addFlash(req.session, "good", "Signed out everywhere else.");
      return res.redirect(303, "/account/devices");
    }

    // Only one's own: an id opens nothing, but whoever knows one must not end it either.
    const device = (await devicesOf(userId, id)).find((device) => device.id === which);
    if (device === undefined) {
      await addFlash(req.session, "info", "That device was signed out already.");
    } else {
      await sessions.revoke(device.id);
      await addFlash(req.session, "good", `Signed out: ${deviceName(device.userAgent)}.`);
    }
    res.redirect(303, "/account/devices");
  });

  router.get("/account/payment", async (req, res, next) => {
    const session = await req.session.requireFresh({ within: "5m", methods: [CONFIRMED] });
    const person = people.find(session.userId);
    if (person === undefined) return next();
    const proofs = session.info.authentications.filter(({ method }) => method === CONFIRMED);
    const provenAt = Math.max(...proofs.map(({ at }) => at));
    const body = paymentPage(person, provenAt, Date.now());
    await showPage(req, res, { title: "Payment details", body });
  });

  /** This device first, then those that were used last. */
  async function devicesOf(userId: string, here: string): Promise<ListedSession[]> {
    const devices: ListedSession[] = [];
    for await (const device of sessions.list(userId)) devices.push(device);
    return devices.sort(
      (a, b) => Number(b.id === here) - Number(a.id === here) || b.lastSeenAt - a.lastSeenAt,
    );
  }

  return router;
}
