// Checks every page of the console in a real browser: no page is wider than its screen, axe-core finds no problem in either
// theme, and the pages' own policy refuses nothing. --pictures takes a picture of each page except the huge ones.
//
//   cargo run -p holdfast-console --example gallery -- target/gallery
//   node tests/browser/gallery.mjs target/gallery [--quick] [--pictures DIR] [--only BEGINNING]
//
// --quick checks each page only twice: on a phone in the light theme, on a wide screen in the dark one. Prerequisites: see
// browser.mjs.

import { createServer } from "node:http";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";

import { THEMES, accessibility, launch } from "./browser.mjs";

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const WIDTHS = [360, 768, 1280];
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

const [folder] = process.argv.slice(2);
const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
if (!folder || !existsSync(folder)) {
  console.error("usage: node gallery.mjs FOLDER [--pictures DIR] [--only BEGINNING]; the folder is what the example gallery wrote");
  process.exit(2);
}
const pictures = option("--pictures");
if (pictures) mkdirSync(pictures, { recursive: true });
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".html") && name !== "index.html" && name.startsWith(option("--only") ?? ""))
  .map((name) => name.slice(0, -".html".length));

const server = createServer((request, response) => {
  const file = path.join(folder, path.basename(new URL(request.url, "http://x").pathname));
  if (!existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": TYPES[path.extname(file)] ?? "application/octet-stream",
    ...(file.endsWith(".svg") ? {} : { "content-security-policy": POLICY }),
  });
  response.end(readFileSync(file));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const quick = process.argv.includes("--quick");
const screens = THEMES.flatMap((colorScheme) => WIDTHS.map((width) => ({ colorScheme, width })));
const looked = quick ? [screens[0], screens.at(-1)] : screens;

const browser = await launch();
const problems = [];
for (const { colorScheme, width } of looked) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: false });
  const page = await context.newPage();
  let name;
  const report = (problem) => problems.push(`${name} at ${width} px, ${colorScheme}: ${problem}`);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && report(message.text()));
  page.on("dialog", (dialog) => (report(`a dialog: ${dialog.message()}`), dialog.dismiss()));
  // An icon that is still loading when the next page opens isn't a problem of the page.
  page.on("requestfailed", (request) => request.failure()?.errorText !== "net::ERR_ABORTED" && report(`${request.url()} failed`));
  for (name of names) {
    await page.goto(`${origin}/${name}.html`, { waitUntil: "load" });
    const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (needed > there) report(`${needed} px wide`);
    if (pictures && !name.endsWith("-huge")) await page.screenshot({ path: path.join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    // Opens folds, so that axe checks their content too.
    await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.removeAttribute("name"), (fold.open = true))));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) report("wider than the screen with its folds open");
    if (width === WIDTHS[1] || name.endsWith("-huge")) continue;
    for (const problem of await accessibility(page)) report(problem);
  }
  await context.close();
}
await browser.close();
server.close();
for (const problem of problems) console.error(problem);
console.log(`${names.length} pages on ${looked.length} screens: ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
