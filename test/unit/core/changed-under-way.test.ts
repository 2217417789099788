import { describe, expect, it } from "vitest";
import type { Session } from "../../../src/index.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { gate } from "../../../src/testing/faults.ts";
import type { Data } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

const CALLS: Readonly<Record<string, (session: Session<Data>) => Promise<unknown>>> = {
  update: (session) => session.update("n", () => 1),
  commit: (session) => session.commit(),
  "sign-in": (session) => session.signIn("ada"),
  reload: (session) => session.reload(),
};

describe.each(["stored", "sealed"] as const)("what is changed in a %s session", (method) => {
  it.each(Object.keys(CALLS))("P9 while a %s is under way is written after it", async (call) => {
    const held = gate();
    let isHeld = false;
    const faults: FaultPlan = () => (isHeld ? { heldBy: held } : undefined);
    const app = memoryApp({ method, faults });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("cart", ["tea"]);
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    loaded.set("first", 1);
    const cart = loaded.get("cart") as string[];
    isHeld = true;
    const calling = CALLS[call]?.(session);
    if (method === "stored") await new Promise((resolve) => setTimeout(resolve, 5));
    loaded.set("theme", "dark");
    loaded.delete("first");
    cart.push("milk");
    isHeld = false;
    held.open();
    await calling;
    expect([loaded.get("theme"), loaded.has("first")]).toEqual(["dark", false]);
    await finish();
    const after = await ada.read();
    expect([after.get("theme"), after.has("first"), after.get("cart")]).toEqual([
      "dark",
      false,
      ["tea", "milk"],
    ]);
  });

  it("P6 in place, while somebody else signs in, does not come along but for the keys that are kept", async () => {
    const held = gate();
    let isHeld = false;
    const app = memoryApp({ method, faults: () => (isHeld ? { heldBy: held } : undefined) });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("card", { pin: 1 });
    await ada.set("prefs", { theme: "light" });
    const { session, finish } = ada.begin();
    const loaded = await session.load();
    const card = loaded.get("card") as { pin: number };
    const prefs = loaded.get("prefs") as { theme: string };
    const draft = { text: "to Eve" };
    loaded.set("draft", draft);
    isHeld = true;
    const calling = session.signIn("bob", { keep: ["prefs"] });
    await new Promise((resolve) => setTimeout(resolve, 5));
    card.pin = 2;
    draft.text = "to Eve, in haste";
    prefs.theme = "dark";
    loaded.set("greeted", true);
    isHeld = false;
    held.open();
    await calling;
    const bobs = { prefs: { theme: "dark" }, greeted: true };
    expect([loaded.userId, loaded.all()]).toEqual(["bob", bobs]);
    await finish();
    expect((await ada.read()).all()).toEqual(bobs);
  });
});
