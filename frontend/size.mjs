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

/** A module of the vault, and what it loads at once: not what it loads when it needs it. */
function atOnce(file) {
  const others = [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)];
  return [file, ...others.map(([, name]) => join(labFiles, name))];
}

const [vault, tokens] = [join(labFiles, "vault.js"), ...named(/^vault-token-endpoint-/)].map(atOnce);
if (vault.length > 2)
  throw new Error(`${vault.join(", ")}: the vault is to load at most one more file before it answers`);

const rows = [
  ["widget module", [join(widgetFiles, "widget.js")], 8000],
  ["· a sign-in's window, where our files are", [join(labFiles, "sign-in.js")], 7000],
  ["callback page's script", [join(widgetFiles, "callback.js")], 1000],
  ["labextension, when JupyterLab starts", atStart(), 15_000],
  ["vault, ready for a click", vault, 16_000],
  ["· token requests and their checks", tokens.filter((file) => !vault.includes(file)), 10_000],
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
