import { LabIcon } from "@jupyterlab/ui-components";

/** A key, drawn for JupyterLab's 24 px grid; its theme colours it. */
export const signInsIcon = new LabIcon({
  name: "oidc-widget:sign-ins",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161"
    d="M7 7a5 5 0 1 0 4.58 7H14v3h3v-3h2v2h3v-5H11.58A5 5 0 0 0 7 7Zm0 3a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z"/>
</svg>`,
});
