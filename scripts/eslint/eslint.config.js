/** The recommended rules for all that is in JavaScript and TypeScript: the SDK, contexts, and what `innkeeper new` writes. */

import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import typescript from "typescript-eslint";

/** What an engine has besides the language itself, and what the SDK provides (javascript/sdk/src/polyfills.js). */
const ENGINE = { console: "readonly", crypto: "readonly", TextDecoder: "readonly", TextEncoder: "readonly" };

export default defineConfig([
  globalIgnores(["**/node_modules/", "**/target/"]),
  js.configs.recommended,
  { files: ["**/*.ts"], extends: [typescript.configs.recommended] },
  { files: ["**/*.d.ts"], rules: { "@typescript-eslint/no-explicit-any": "off", "@typescript-eslint/no-empty-object-type": "off" } },
  { files: ["**/src/**"], languageOptions: { globals: ENGINE } },
  // The build and the tests run in Node.
  { files: ["**/tools/**", "**/test/**", "**/testing.js", "**/src/testing/**", "**/eslint.config.js"], languageOptions: { globals: globals.node } },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
]);
