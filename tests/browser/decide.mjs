// Decides on a review as a person does, in a real browser: the page is read and found accessible in both themes, then the
// form is filled in with the keyboard alone, without script.
//
//   node tests/browser/decide.mjs ADDRESS CODE approve|reject PICTURE.png
//
// Needs playwright-core and axe-core (npm), and Chromium (apt-get install chromium, or CHROMIUM=path). Prints what the last
// page says; exit status 1 with what is wrong.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const require = createRequire(path.join(import.meta.dirname, "../node/x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const TABS_MOST = 500;

const [address, code, decision, picture] = process.argv.slice(2);
if (!["approve", "reject"].includes(decision)) {
  console.error("usage: node decide.mjs ADDRESS CODE approve|reject PICTURE.png");
  process.exit(2);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const problems = [];

// Read, by sight and by a screen reader's rules; a scanner that follows every link and runs script decides nothing.
for (const colorScheme of ["light", "dark"]) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(address);
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  problems.push(...found.violations.map((violation) => `${colorScheme}: ${violation.id}: ${violation.help}`));
  if (colorScheme === "light" && picture) await page.screenshot({ path: picture, fullPage: true });
  page.removeAllListeners("console");
  const links = await page.$$eval("a[href]", (all) => all.map((link) => link.href));
  for (const link of links.filter((link) => new URL(link).origin === new URL(address).origin)) await page.goto(link);
  await context.close();
}

const context = await browser.newContext({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
const page = await context.newPage();
await page.goto(address);
const form = decision === "approve" ? "approve-form" : "reject-form";

// Where the keyboard is: the element's name or type, and the form that it belongs to.
const focused = () =>
  page.evaluate(() => {
    const element = document.activeElement;
    return { name: element?.getAttribute("name") ?? element?.getAttribute("type"), form: element?.form?.id };
  });
const tabTo = async (name) => {
  for (let tabs = 0; tabs < TABS_MOST; tabs += 1) {
    await page.keyboard.press("Tab");
    const at = await focused();
    if (at.form === form && at.name === name) return;
  }
  throw new Error(`${name} of ${form} cannot be reached by the keyboard`);
};
if (decision === "reject") {
  await tabTo("reason");
  await page.keyboard.type("Not in this tone.");
}
await tabTo("code");
await page.keyboard.type(code.toLowerCase());
await tabTo("submit");
await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
console.log(await page.textContent("main"));
await browser.close();

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
