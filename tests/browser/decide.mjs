// Decides on a review in a real browser, like a person: checks the page's accessibility in both themes, then fills in the form
// with the keyboard only and without script: first without the code, then with a wrong one, then with the right one, sent
// twice like an impatient person.
//
//   node tests/browser/decide.mjs ADDRESS CODE approve|reject PICTURE.png
//
// Prints the last page's text. Exits with status 1 and the problem if something is wrong. Prerequisites: see browser.mjs.

import process from "node:process";

import { THEMES, accessibility, launch } from "./browser.mjs";

const TABS_MOST = 500;
// The maximum time for the browser to refuse a form, and for the server to answer one.
const UNSENT_MS = 500;
const ANSWER_MS = 30_000;

const [address, code, decision, picture] = process.argv.slice(2);
if (!["approve", "reject"].includes(decision)) {
  console.error("usage: node decide.mjs ADDRESS CODE approve|reject PICTURE.png");
  process.exit(2);
}

const browser = await launch();
const problems = [];

// Checks the page by sight and by a screen reader's rules, with script: a mail scanner that follows links decides nothing.
for (const colorScheme of THEMES) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(address);
  problems.push(...(await accessibility(page)).map((problem) => `${colorScheme}: ${problem}`));
  if (colorScheme === "light" && picture) await page.screenshot({ path: picture, fullPage: true });
  page.removeAllListeners("console");
  const links = await page.$$eval("a[href]", (all) => all.map((link) => link.href));
  for (const link of links.filter((link) => new URL(link).origin === new URL(address).origin)) await page.goto(link);
  await context.close();
}

const context = await browser.newContext({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
const page = await context.newPage();
const form = decision === "approve" ? "approve-form" : "reject-form";

// Returns the focused element's name or type, and its form.
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
// Fills in the form. Returns the answer's status, or none if the browser doesn't send the form.
const send = async (typed, times = 1) => {
  await page.goto(address);
  if (decision === "reject") {
    await tabTo("reason");
    await page.keyboard.type("Not in this tone.");
  }
  await tabTo("code");
  await page.keyboard.type(typed);
  await tabTo("submit");
  const timeLimit = typed === "" ? UNSENT_MS : ANSWER_MS;
  const posted = page.waitForResponse((response) => response.request().method() === "POST", { timeout: timeLimit });
  for (let time = 0; time < times; time += 1) await page.keyboard.press("Enter");
  const answer = await posted.catch(() => undefined);
  if (!answer) return undefined;
  // The second request replaces the first one, which the server may have handled already.
  await page.waitForFunction(() => !document.querySelector("form[id]"), undefined, { timeout: ANSWER_MS });
  return answer.status();
};

const unsent = await send("");
if (unsent !== undefined) problems.push(`a form without a code was sent, and answered with ${unsent}`);
const wrong = await send("AAA-AAA-AAA");
if (wrong !== 403) problems.push(`a wrong code was answered with ${wrong}`);
await send(code.toLowerCase(), 2);
console.log(await page.textContent("main"));
await browser.close();

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
