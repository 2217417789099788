/**
 * What the shop sells.
 *
 * @module
 */

export interface Good {
  readonly id: string;
  readonly name: string;
  /** One line, for the shelf. */
  readonly line: string;
  /** A few sentences, for its own page. */
  readonly story: string;
  readonly details: readonly string[];
  /** In cents. */
  readonly price: number;
  /** The colour of its tile: a class of the style sheet. */
  readonly tile: "sun" | "sky" | "moss" | "clay" | "plum" | "sand";
}

export const goods: readonly Good[] = [
  {
    id: "raincoat",
    name: "Harbour raincoat",
    line: "Waxed cotton, a proper hood, yellow on purpose.",
    story:
      "Cut long enough to sit down in on a wet bench. The hood has a wired peak that stays where " +
      "you put it, and the cuffs close, so that nothing runs down your sleeves when you wave.",
    details: ["Waxed cotton, 320 g/m²", "Two-way zip under a storm flap", "XS to XXL"],
    price: 18900,
    tile: "sky",
  },
  {
    id: "umbrella",
    name: "Eight-rib umbrella",
    line: "Ash handle, steel ribs, comes back from a gust.",
    story:
      "An umbrella is a small building. This one has eight steel ribs and an ash handle that has " +
      "been bent by steam, not glued. When the wind turns it inside out, close it: it forgets.",
    details: ["Canopy 104 cm across", "Ash and spring steel", "Ribs can be replaced"],
    price: 6400,
    tile: "sun",
  },
  {
    id: "boots",
    name: "Puddle boots",
    line: "Natural rubber, knee high, easy to pull off.",
    story:
      "Laid up by hand from natural rubber on a cotton lining, with a heel that the other boot can " +
      "hold on to. Deep enough for most puddles and for all of the good ones.",
    details: ["Natural rubber, cotton lining", "Reinforced heel", "Sizes 35 to 47"],
    price: 8900,
    tile: "clay",
  },
  {
    id: "scarf",
    name: "Long stripe scarf",
    line: "Two metres of lambswool in four colours.",
    story:
      "Woven on a loom that is older than anyone who works on it. Long enough to go round twice " +
      "and still have ends to throw over your shoulder when you leave a room.",
    details: ["Pure lambswool", "30 × 200 cm", "Wash cold, dry flat"],
    price: 5200,
    tile: "sand",
  },
  {
    id: "hat",
    name: "Bobble hat",
    line: "Thick rib, deep brim, one very round bobble.",
    story:
      "Knitted in a heavy two-by-two rib that closes over the ears. The bobble comes off with a " +
      "button, in case of a serious meeting.",
    details: ["Merino and a little cashmere", "One size", "Removable bobble"],
    price: 3400,
    tile: "plum",
  },
  {
    id: "mittens",
    name: "Mittens on a string",
    line: "So that you never own just one.",
    story:
      "Felted wool, lined with fleece, joined by a cord that goes through both sleeves. You " +
      "laughed at it when you were six. You have lost eleven gloves since.",
    details: ["Felted wool, fleece lining", "Cord 140 cm", "S, M and L"],
    price: 2900,
    tile: "moss",
  },
  {
    id: "flask",
    name: "Half-litre flask",
    line: "Hot for a day, and the lid is a cup.",
    story:
      "Double steel walls with nothing in between. Tea that you pour at seven in the morning is " +
      "still tea at seven in the evening. The cup has a handle, because you have gloves on.",
    details: ["0.5 l, stainless steel", "Hot for 24 hours", "All parts can be had singly"],
    price: 3800,
    tile: "sand",
  },
  {
    id: "pegs",
    name: "Rail with five pegs",
    line: "For when you come home. Oiled oak and brass.",
    story:
      "Where everything else in this shop spends the night. Five brass pegs on a rail of oiled oak, " +
      "with two screws that hold in any wall and a paper template that tells you where.",
    details: ["Oak and solid brass", "72 × 9 cm", "Carries 40 kg"],
    price: 7200,
    tile: "sky",
  },
];

/** The good of this id, if there is one. */
export function findGood(id: string): Good | undefined {
  return goods.find((good) => good.id === id);
}
