/**
 * Writes the version of package.json into `version.ts`, as Python spells it (PEP 440): npm runs it after `npm version`, and a
 * release after its own bump.
 */
import { readFileSync, writeFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("package.json", "utf-8"));
const pythons = version.replace(/-(a|b|rc)\w*\.?(\d+)$/, "$1$2");
const file = "frontend/version.ts";
writeFileSync(file, readFileSync(file, "utf-8").replace(/(VERSION = )"[^"]*"/, `$1"${pythons}"`));
