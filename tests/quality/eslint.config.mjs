// The configuration of eslint for the measurement: its recommended rules and those of eslint-plugin-security.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.QUALITY_NODE}/node_modules/`);
const js = require("@eslint/js");
const security = require("eslint-plugin-security");
const parser = require("@typescript-eslint/parser");

export default [
  js.configs.recommended,
  security.configs.recommended,
  { files: ["**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}"], languageOptions: { parser }, rules: { "no-undef": "off" } },
];
