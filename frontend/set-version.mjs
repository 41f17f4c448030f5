/** Writes the version of package.json into `version.ts`: npm runs it after `npm version`, and a release after its own bump. */
import { readFileSync, writeFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("package.json", "utf-8"));
const file = "frontend/version.ts";
writeFileSync(file, readFileSync(file, "utf-8").replace(/(VERSION = )"[^"]*"/, `$1"${version}"`));
