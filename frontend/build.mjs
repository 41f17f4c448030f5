/** Bundles what is not built by JupyterLab's builder: the widget, the vault and the callback page's script. */
import { build } from "esbuild";

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};
const widgetFiles = "src/oidc_widget/static";
const labFiles = "src/oidc_widget/labextension/static";

await Promise.all([
  build({ ...common, entryPoints: { widget: "frontend/widget/widget.ts" }, outdir: widgetFiles }),
  build({ ...common, entryPoints: { callback: "frontend/callback/callback.ts" }, outdir: widgetFiles, format: "iife" }),
  build({ ...common, entryPoints: { widget: "frontend/ui/style.css" }, outdir: widgetFiles }),
  // Splitting keeps the stand-in for `crypto.subtle` out of the vault; it is loaded only where it is needed.
  build({
    ...common,
    entryPoints: { vault: "frontend/vault/worker.ts" },
    outdir: labFiles,
    splitting: true,
    chunkNames: "vault-[name]-[hash]",
  }),
]);
