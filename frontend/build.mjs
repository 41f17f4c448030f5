/** Bundles what is not built by JupyterLab's builder: the widget, the vault and the callback page's script. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

const widgetFiles = "src/oidc_widget/static";
const labFiles = "src/oidc_widget/labextension/static";

/**
 * esbuild shortens one statement at a time; terser also looks at what becomes of them: 6 % less.
 *
 * @returns the built files' texts, by name
 */
async function bundle(entry, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outdir: labFiles,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
    write: false,
    ...options,
  });
  const shorter = async ({ path, text }) => {
    if (path.endsWith(".css")) return [basename(path), text];
    const { code } = await minify(text, {
      module: options.format !== "iife",
      ecma: 2020,
      compress: { passes: 4, unsafe_arrows: true }, // nothing here relies on what arrow functions are without
      format: { comments: false },
    });
    return [basename(path), code];
  };
  return Object.fromEntries(await Promise.all(outputFiles.map(shorter)));
}

mkdirSync(widgetFiles, { recursive: true });
for (const name of readdirSync(labFiles)) {
  if (/^vault\b/.test(name)) rmSync(join(labFiles, name));
}
const [widget, signIn, style, callback, vault] = await Promise.all([
  bundle("frontend/widget/widget.ts"),
  // Of one version with the vault, beside which it lies: a widget loads it where it finds our files.
  bundle("frontend/client/window-login.ts"),
  bundle("frontend/view/style.css"),
  bundle("frontend/callback/callback.ts", { format: "iife" }),
  // What is imported dynamically becomes a file of its own. Its name tells its content, so that no vault ever loads a
  // part of another version.
  bundle("frontend/vault/worker.ts", { splitting: true, entryNames: "vault", chunkNames: "vault-[name]-[hash]" }),
]);
writeFileSync(join(widgetFiles, "widget.js"), widget["widget.js"]);
writeFileSync(join(labFiles, "sign-in.js"), signIn["window-login.js"]);
writeFileSync(join(widgetFiles, "widget.css"), style["style.css"]);
writeFileSync(join(widgetFiles, "callback.js"), callback["callback.js"]);
for (const [name, text] of Object.entries(vault)) writeFileSync(join(labFiles, name), text);
