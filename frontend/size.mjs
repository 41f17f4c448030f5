/** Weighs what was built (minified + gzip), says so, and fails where something is heavier than its bar. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const widgetFiles = "src/oidc_widget/static";
const labFiles = "src/oidc_widget/labextension/static";
if (![widgetFiles, labFiles].every(existsSync)) {
  console.error("There is nothing to weigh: run `npm run build` first.");
  process.exit(1);
}

const weigh = (files) => files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);

const built = readdirSync(labFiles);
const named = (pattern) => built.filter((name) => pattern.test(name)).map((name) => join(labFiles, name));

/** The entry of the labextension, and the chunks that it hands out when JupyterLab starts: the plugins and the style. */
function atStart() {
  const [entry] = named(/^remoteEntry\./);
  const chunks = [...readFileSync(entry, "utf8").matchAll(/\.e\("?(\d+)"?\)/g)].map(([, id]) => id);
  return [entry, ...new Set(chunks.flatMap((id) => named(new RegExp(`^${id}\\.`))))];
}

const [vault, ...others] = named(/^vault(?!-words-|-sha2-)/);
if (others.length > 0) throw new Error(`${others.join(", ")}: all that a sign-in needs is to be in the one file`);

const rows = [
  ["widget module", [join(widgetFiles, "widget.js")], 8000],
  ["· a sign-in's window, where our files are", [join(labFiles, "sign-in.js")], 7000],
  ["callback page's script", [join(widgetFiles, "callback.js")], 1000],
  ["labextension, when JupyterLab starts", atStart(), 15_000],
  ["vault, with every check", [vault], 23_000],
  ["· words, when something went wrong", named(/^vault-words-/), 3000],
  ["· stand-in for crypto.subtle, on plain http", named(/^vault-sha2-/), 6000],
];

let heavy = false;
for (const [what, files, bar] of rows) {
  if (files.length === 0) throw new Error(`there is no file for: ${what}`);
  const size = weigh(files);
  heavy ||= size > bar;
  const kB = (bytes) => (bytes / 1000).toFixed(2).padStart(6);
  console.log(`${what.padEnd(46)}${kB(size)} kB of ${kB(bar)}${size > bar ? "  ← too heavy" : ""}`);
}
process.exit(heavy ? 1 : 0);
