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

/** A module and what it imports at once; what it imports later is a matter of its own. */
function withImports(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) {
    withImports(join(labFiles, name), seen);
  }
  return seen;
}

const built = readdirSync(labFiles);
const named = (pattern) => built.filter((name) => pattern.test(name)).map((name) => join(labFiles, name));

/** The entry of the labextension, and the chunks that it hands out when JupyterLab starts: the plugins and the style. */
function atStart() {
  const [entry] = named(/^remoteEntry\./);
  const chunks = [...readFileSync(entry, "utf8").matchAll(/\.e\("?(\d+)"?\)/g)].map(([, id]) => id);
  return [entry, ...new Set(chunks.flatMap((id) => named(new RegExp(`^${id}\\.`))))];
}

const vault = [...withImports(join(labFiles, "vault.js"))];
const later = [...withImports(named(/^vault-token-/)[0])].filter((file) => !vault.includes(file));
const rows = [
  ["widget module", [join(widgetFiles, "widget.js")], 8000],
  ["callback page's script", [join(widgetFiles, "callback.js")], 1000],
  ["labextension, when JupyterLab starts", atStart(), 15_000],
  ["vault, when a widget is shown", vault, 14_000],
  ["vault, once somebody clicks", [...vault, ...later], 20_500],
  ["stand-in for crypto.subtle, on plain http", named(/^vault-sha2-/), 6000],
];

let heavy = false;
for (const [what, files, bar] of rows) {
  const size = weigh(files);
  heavy ||= size > bar;
  const kB = (bytes) => (bytes / 1000).toFixed(1).padStart(5);
  console.log(`${what.padEnd(42)}${kB(size)} kB of ${kB(bar)}${size > bar ? "  ← too heavy" : ""}`);
}
process.exit(heavy ? 1 : 0);
