/**
 * In and out: sign-in, the password once more, sign-out.
 *
 * @module
 */

import { addFlash } from "coatcheck/flash";
import type { Request, Response } from "express";
import { Router } from "express";
import type { Attempts } from "../attempts.ts";
import { field, ownPath } from "../forms.ts";
import type { ShowPage } from "../page.ts";
import type { People, Person } from "../people.ts";
import { confirmPage, signedOutPage, signInPage } from "../views/door.ts";

/** The proof that {@link doorPages} adds when somebody says the password once more. */
export const CONFIRMED = "password-again";

export function doorPages(people: People, attempts: Attempts, showPage: ShowPage): Router {
  const router = Router();

  router.get("/sign-in", async (req, res) => {
    const session = await req.session.load();
    const next = ownPath(req.query["next"]);
    if (session.userId !== undefined) return res.redirect(303, next);
    await showPage(req, res, { title: "Sign in", body: signInPage({ next }) });
  });

  router.post("/sign-in", async (req, res) => {
    const next = ownPath(field(req, "next"));
    const name = field(req, "name").slice(0, 64);
    const answer = await tryPassword(
      req,
      res,
      name,
      "This name and this password do not belong together.",
    );
    if ("problem" in answer) {
      const body = signInPage({ next, name, problem: answer.problem });
      return showPage(req, res, { title: "Sign in", body, status: answer.status });
    }

    // The visitor's cart comes along; of another person who was signed in here only the colours.
    await req.session.signIn(answer.person.id, {
      remember: field(req, "remember") === "yes",
      keep: ["theme"],
    });
    await addFlash(req.session, "good", `Welcome, ${answer.person.name}.`);
    res.redirect(303, next);
  });

  router.get("/confirm", async (req, res) => {
    const { userId } = await req.session.requireUser();
    const next = ownPath(req.query["next"]);
    const name = people.find(userId)?.name ?? userId;
    await showPage(req, res, {
      title: "Is it still you?",
      body: confirmPage(userId, name, { next }),
    });
  });

  router.post("/confirm", async (req, res) => {
    const { userId } = await req.session.requireUser();
    const next = ownPath(field(req, "next"));
    const answer = await tryPassword(req, res, userId, "This is not your password.");
    if ("problem" in answer) {
      const name = people.find(userId)?.name ?? userId;
      const body = confirmPage(userId, name, { next, problem: answer.problem });
      return showPage(req, res, { title: "Is it still you?", body, status: answer.status });
    }
    await req.session.elevate(CONFIRMED);
    res.redirect(303, next);
  });

  router.post("/sign-out", async (req, res) => {
    await req.session.signOut();
    res.redirect(303, "/signed-out");
  });

  router.get("/signed-out", (req, res) =>
    showPage(req, res, { title: "Signed out", body: signedOutPage() }),
  );

  async function tryPassword(
    req: Request,
    res: Response,
    name: string,
    wrong: string,
  ): Promise<Answer> {
    const address = req.ip ?? "";
    const account = name.trim().toLowerCase();
    const wait = attempts.take(account, address);
    if (wait !== undefined) {
      res.set("Retry-After", String(wait));
      const minutes = Math.ceil(wait / 60);
      const problem = `Too many wrong passwords. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`;
      return { status: 429, problem };
    }
    const person = await people.check(account, field(req, "password"));
    if (person === undefined) {
      return { status: 422, problem: wrong };
    }
    attempts.forgive(account, address);
    return { person };
  }

  return router;
}

type Answer =
  | { readonly person: Person }
  | { readonly status: 422 | 429; readonly problem: string };
