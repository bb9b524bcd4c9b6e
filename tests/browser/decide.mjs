// Decides on a review in a real browser, like a person: checks the page's accessibility in both themes, then fills in the form
// with the keyboard only and without script.
//
//   node tests/browser/decide.mjs [--code CODE | --comment] [--drop NUMBER] ADDRESS approve|reject PICTURE.png
//
// With --code, ADDRESS is the link from a mail: the form is sent first without the code, then with a wrong one, then with the
// right one, twice like an impatient person. With --comment, ADDRESS is the page of a pull request: the link in Holdfast's
// comment leads to the page where one signs in with GitHub and decides. --drop leaves out the first findings.
//
// Prints the last page's text. Exits with status 1 and the problem if something is wrong. Prerequisites: see browser.mjs.

import process from "node:process";
import { parseArgs } from "node:util";

import { THEMES, accessibility, launch } from "./browser.mjs";

const PHONE = { width: 375, height: 740 };
const TABS_MOST = 500;
// The maximum time for the browser to refuse a form, and for the server to answer one.
const UNSENT_MS = 500;
const ANSWER_MS = 30_000;

const { values, positionals } = parseArgs({
  options: { code: { type: "string" }, comment: { type: "boolean" }, drop: { type: "string", default: "0" } },
  allowPositionals: true,
});
const [address, decision, picture] = positionals;
if (!["approve", "reject"].includes(decision) || (values.code === undefined) === !values.comment) {
  console.error("usage: node decide.mjs [--code CODE | --comment] [--drop NUMBER] ADDRESS approve|reject PICTURE.png");
  process.exit(2);
}

const browser = await launch();
const problems = [];

// Checks the mail's page by sight and by a screen reader's rules, with script: a mail scanner that follows links decides nothing.
for (const colorScheme of values.comment ? [] : THEMES) {
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

const context = await browser.newContext({ viewport: PHONE, javaScriptEnabled: false });
const page = await context.newPage();
const form = decision === "approve" ? "approve-form" : "reject-form";

// Returns the focused element's name or type, its form, and its text.
const focused = () =>
  page.evaluate(() => {
    const element = document.activeElement;
    const name = element?.getAttribute("name") ?? element?.getAttribute("type");
    return { name, form: element?.form?.id, link: element?.href && element.textContent };
  });
const tabUntil = async (isThere, what) => {
  for (let tabs = 0; tabs < TABS_MOST; tabs += 1) {
    await page.keyboard.press("Tab");
    if (isThere(await focused())) return;
  }
  throw new Error(`${what} cannot be reached by the keyboard at ${page.url()}: ${await page.textContent("body")}`);
};
const tabTo = (name) => tabUntil((at) => at.form === form && at.name === name, `${name} of ${form}`);
const follow = async (text) => {
  await tabUntil((at) => at.link?.includes(text), `the link ${text}`);
  const loaded = page.waitForEvent("load", { timeout: ANSWER_MS });
  await page.keyboard.press("Enter");
  await loaded;
};
// Checks the page on a phone's screen in both themes. The rules of accessibility need script.
const look = async (name) => {
  const storageState = await context.storageState();
  for (const colorScheme of THEMES) {
    const scripted = await browser.newContext({ viewport: PHONE, colorScheme, storageState });
    const copy = await scripted.newPage();
    await copy.goto(page.url());
    const needed = await copy.evaluate(() => document.documentElement.scrollWidth);
    if (needed > PHONE.width) problems.push(`${name}: ${needed} px wide`);
    problems.push(...(await accessibility(copy)).map((problem) => `${name}, ${colorScheme}: ${problem}`));
    await scripted.close();
  }
};
// Opens the page with the form.
const arrive = async () => {
  await page.goto(address);
  if (!values.comment) return;
  await follow("on the review's page");
  await look("signed out");
  await follow("Sign in with GitHub");
  await look("decide");
  if (picture) await page.screenshot({ path: picture, fullPage: true });
};
// Fills in the form. Returns the answer's status, or none if the browser doesn't send the form.
const send = async (typed, times = 1) => {
  await arrive();
  for (let dropped = 0; dropped < Number(values.drop); dropped += 1) {
    await tabTo("drop");
    await page.keyboard.press("Space");
  }
  if (decision === "reject") {
    await tabTo("reason");
    await page.keyboard.type("Not in this tone.");
  }
  if (typed !== undefined) {
    await tabTo("code");
    await page.keyboard.type(typed);
  }
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

if (values.comment) {
  await send(undefined);
  await look("decided");
} else {
  const unsent = await send("");
  if (unsent !== undefined) problems.push(`a form without a code was sent, and answered with ${unsent}`);
  const wrong = await send("AAA-AAA-AAA");
  if (wrong !== 403) problems.push(`a wrong code was answered with ${wrong}`);
  await send(values.code.toLowerCase(), 2);
}
console.log(await page.textContent("main"));
await browser.close();

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
