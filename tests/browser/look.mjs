// Checks pages in both themes, on a wide screen and on a phone: each must be accessible and no wider than the screen.
// Prints a JSON line for each page: {"status", "text"}. Exits with status 1 and the problem if something is wrong.
//
//   node tests/browser/look.mjs [--first ADDRESS] [--pictures DIR] [NAME=]ADDRESS…
//
// --first is an address that it opens once at the start, for its session. It draws a page with a name as DIR/NAME.png and as
// DIR/NAME-dark.png. Prerequisites: see browser.mjs.

import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { THEMES, accessibility, launch } from "./browser.mjs";

const SCREENS = [{ width: 1280, height: 900 }, { width: 360, height: 740 }];

const { values, positionals } = parseArgs({
  options: { first: { type: "string" }, pictures: { type: "string" } },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error("usage: node look.mjs [--first ADDRESS] [--pictures DIR] [NAME=]ADDRESS…");
  process.exit(2);
}
if (values.pictures) mkdirSync(values.pictures, { recursive: true });

const browser = await launch();
const problems = [];
const seen = new Map();
const storageState = values.first ? await signIn(values.first) : undefined;
for (const colorScheme of THEMES) {
  for (const viewport of SCREENS) {
    const context = await browser.newContext({ viewport, colorScheme, storageState });
    const page = await context.newPage();
    for (const positional of positionals) {
      const [, name, address] = positional.match(/^(?:([\w-]+)=)?((?:http|file).*)$/);
      const report = (problem) => problems.push(`${address} at ${viewport.width} px, ${colorScheme}: ${problem}`);
      const answer = await page.goto(address);
      const needed = await page.evaluate(() => document.documentElement.scrollWidth);
      if (needed > viewport.width) report(`${needed} px wide`);
      if (name && values.pictures && viewport === SCREENS[0])
        await page.screenshot({ path: path.join(values.pictures, `${name}${colorScheme === "dark" ? "-dark" : ""}.png`) });
      for (const problem of await accessibility(page)) report(problem);
      seen.set(address, { status: answer.status(), text: await page.textContent("main") });
    }
    await context.close();
  }
}
await browser.close();
for (const page of seen.values()) console.log(JSON.stringify(page));
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

// The browser's session after the address that signs in, which works only once.
async function signIn(address) {
  const context = await browser.newContext();
  await (await context.newPage()).goto(address);
  const state = await context.storageState();
  await context.close();
  return state;
}
