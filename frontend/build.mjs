/** Bundles what is not built by JupyterLab's builder: the widget, the vault and the callback page's script. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

const widgetFiles = "src/oidc_widget/static";
const labFiles = "src/oidc_widget/labextension/static";

/** Names what belongs together, so that no vault ever loads a part of another version. */
const version = createHash("sha256");
for (const folder of ["frontend/oauth", "frontend/vault"]) {
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    if (name.endsWith(".ts")) version.update(readFileSync(join(folder, name)));
  }
}
const suffix = version.update(readFileSync("package-lock.json")).digest("hex").slice(0, 8);

/** What the vault loads on demand, by the path of its source: promises of file names. */
const parts = new Map();

/**
 * What is imported dynamically becomes a file of its own, which shares no code with who imports it: a chunk for what
 * both need would be one more file for everybody.
 */
const onDemand = {
  name: "on-demand",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\./ }, async ({ kind, path, resolveDir, pluginData }) => {
      if (kind !== "dynamic-import" || pluginData === onDemand) return undefined;
      const { path: source } = await resolve(path, { kind, resolveDir, pluginData: onDemand });
      if (!parts.has(source)) parts.set(source, writePart(source));
      return { path: `./${await parts.get(source)}`, external: true };
    });
  },
};

async function bundle(entry, format = "esm") {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
    write: false,
    plugins: [onDemand],
  });
  const [{ text }] = outputFiles;
  if (entry.endsWith(".css")) return text;
  // esbuild shortens one statement at a time; terser also looks at what becomes of them: 4 % less.
  const { code } = await minify(text, {
    module: format === "esm",
    ecma: 2020,
    compress: { passes: 4, unsafe_arrows: true }, // nothing here relies on what arrow functions are without
    format: { comments: false },
  });
  return code;
}

async function writePart(source) {
  const name = `vault-${basename(source, ".ts")}-${suffix}.js`;
  writeFileSync(join(labFiles, name), await bundle(source));
  return name;
}

mkdirSync(widgetFiles, { recursive: true });
for (const name of readdirSync(labFiles)) {
  if (/^vault\b/.test(name)) rmSync(join(labFiles, name));
}
const [widget, style, callback, vault] = await Promise.all([
  bundle("frontend/widget/widget.ts"),
  bundle("frontend/view/style.css"),
  bundle("frontend/callback/callback.ts", "iife"),
  bundle("frontend/vault/worker.ts"),
]);
writeFileSync(join(widgetFiles, "widget.js"), widget);
writeFileSync(join(widgetFiles, "widget.css"), style);
writeFileSync(join(widgetFiles, "callback.js"), callback);
writeFileSync(join(labFiles, "vault.js"), vault);
