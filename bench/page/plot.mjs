/**
 * The plot of the page: what each library adds to a request, on a logarithmic scale.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { CASES } from "../fixture.mjs";
import { whole } from "./tables.mjs";

// Below this the measurement says "nothing", and a logarithm would say "a lot less".
const LEAST_US = 0.1;
const MOST_US = 300_000;
const SHOWN = CASES.filter(({ id }) => ["read", "change", "untouched"].includes(id));
const FRAMEWORKS = ["node", "express", "fastify", "koa", "hono", "h3"];

/** An SVG that reads on light and on dark ground. */
export function plot(rows) {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const shown = rows.filter(({ library }) => !/^bare$|-many$/.test(library));
  const points = shown.flatMap((row) => SHOWN.map(({ id, title }) => pointOf(row, id, title)));
  const order = shown.toSorted(byFrameworkAndRead).map(nameOf);
  const figure = Plot.plot({
    document,
    width: 1120,
    height: order.length * 20 + 80,
    marginLeft: 340,
    marginRight: 10,
    marginBottom: 45,
    style: { fontSize: "12px" },
    fx: { label: null, domain: SHOWN.map(({ title }) => title), padding: 0.06 },
    y: { label: null, domain: order, tickSize: 0 },
    x: {
      type: "log",
      domain: [LEAST_US, MOST_US],
      grid: true,
      label: "CPU added to a request, µs (logarithmic)",
      labelOffset: 40,
      ticks: [0.1, 1, 10, 100, 1000, 10_000],
      tickFormat: (value) => (value < 1000 ? String(value) : `${value / 1000}k`),
    },
    marks: [
      Plot.ruleY(points, { fx: "case", y: "name", x1: LEAST_US, x2: "us", className: "stem" }),
      dots(points, (point) => !point.ours, 4, "peer"),
      dots(points, (point) => point.ours, 5, "ours"),
      Plot.text(points, {
        fx: "case",
        y: "name",
        x: "us",
        text: "text",
        dx: 9,
        textAnchor: "start",
      }),
    ],
  });
  figure.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  figure.setAttribute("role", "img");
  const title = document.createElement("title");
  title.textContent = "CPU that each library adds to a request, in microseconds, logarithmic";
  const style = document.createElement("style");
  style.textContent = STYLE;
  figure.prepend(title, style);
  return `${figure.outerHTML}\n`;
}

function pointOf(row, id, title) {
  const added = row.cases[id].cpu.median;
  return {
    case: title,
    name: nameOf(row),
    ours: row.library.startsWith("coatcheck"),
    us: Math.max(LEAST_US, added),
    text: added < LEAST_US ? "~0" : added < 9.95 ? added.toFixed(1) : whole(added),
  };
}

const nameOf = ({ framework, name }) => `${framework} · ${name.replaceAll("`", "")}`;

const byFrameworkAndRead = (a, b) =>
  FRAMEWORKS.indexOf(a.framework) - FRAMEWORKS.indexOf(b.framework) ||
  a.cases.read.cpu.median - b.cases.read.cpu.median;

function dots(points, isShown, r, className) {
  return Plot.dot(points.filter(isShown), { fx: "case", y: "name", x: "us", r, className });
}

const STYLE = `
svg { color: #24292f; }
.stem { stroke: currentColor; stroke-opacity: 0.25; }
.peer { fill: #8c959f; stroke: none; }
.ours { fill: #0a6640; stroke: none; }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3; }
  .peer { fill: #7d8590; }
  .ours { fill: #3fb950; }
}
`;
