import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { onCourierCall } from "../../client/courier-call.js";
import { jupyterHost } from "../../client/host.js";
import { VaultClient } from "../../client/vault-client.js";
import { onLifeSign } from "../../vault/life-signs.js";
import { ISignIns } from "../tokens.js";

export const connection: JupyterFrontEndPlugin<ISignIns> = {
  id: "oidc-widget:connection",
  description: "Connects this page to the vault, which holds the sign-ins, as soon as anybody needs it.",
  autoStart: true,
  provides: ISignIns,
  activate: () => {
    const host = jupyterHost();
    if (!host) throw new Error("oidc-widget: this page has no #jupyter-config-data, so it can't find the vault.");
    const vault = new VaultClient(host, "delivery");
    onCourierCall(() => vault.connect());
    onLifeSign(host.filesUrl, () => void vault.connect());
    return { host, vault, sidebar: new VaultClient(host, "sidebar") };
  },
};
