// Shared by the browser scripts: Chromium, and the accessibility rules of axe-core.
//
// Needs playwright-core and axe-core (npm, in tests/node), and Chromium (apt-get install chromium, or CHROMIUM=path).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const require = createRequire(path.join(process.env.HOLDFAST_NODE_MODULES ?? path.join(import.meta.dirname, "../node"), "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const THEMES = ["light", "dark"];

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** Returns axe-core's findings on the page, a line each. */
export const accessibility = async (page) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const describe = ({ target, failureSummary }) => `${target} ${failureSummary.replaceAll("\n", " ")}`;
  return violations.map(({ id, nodes }) => `axe ${id}: ${nodes.slice(0, 2).map(describe).join(" | ")}`);
};
