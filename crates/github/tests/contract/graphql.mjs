// Checks GraphQL exchanges against GitHub's published schema: `node graphql.mjs FOLDER_OF_PACKAGES < EXCHANGES`. Each exchange
// is { query, variables, answer }. Prints one line for each problem: a query that the schema refuses, and an answer whose data
// is not what the schema's types would give.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const require = createRequire(`${process.argv[2]}/`);
const { buildSchema, execute, parse, validate } = require("graphql");
const schema = buildSchema(
  readFileSync(`${process.argv[2]}/node_modules/@octokit/graphql-schema/schema.graphql`, "utf8"),
  // Published with a field twice.
  { assumeValid: true, assumeValidSDL: true },
);

// The answer is the root value: each field is what stands under its alias, checked by the field's type on the way out.
const fieldResolver = (source, _arguments, _context, info) => source[info.path.key];
// Most answers do not name their types: a value is of the type that the query's fragment asks about, or of any where it asks
// only for the interface's own fields.
const typeResolver = (value, _context, info, type) => {
  if (value.__typename) return value.__typename;
  const asked = info.fieldNodes[0].selectionSet.selections.find((one) => one.kind === "InlineFragment");
  return asked?.typeCondition.name.value ?? info.schema.getPossibleTypes(type)[0].name;
};

const plain = (value) => JSON.parse(JSON.stringify(value ?? null));

for (const { query, variables, answer } of JSON.parse(readFileSync(0, "utf8"))) {
  const document = parse(query);
  for (const problem of validate(schema, document)) console.log(`query: ${problem.message}`);
  if (!answer.data) {
    if (!answer.errors?.length) console.log("answer: it has neither data nor errors");
    continue;
  }
  const checked = execute({
    schema,
    document,
    variableValues: variables,
    rootValue: answer.data,
    fieldResolver,
    typeResolver,
  });
  for (const problem of checked.errors ?? []) console.log(`answer: ${problem.message}`);
  if (!checked.errors && !isDeepStrictEqual(plain(checked.data), plain(answer.data)))
    console.log(`answer: ${JSON.stringify(answer.data)} is not what was asked for`);
}
