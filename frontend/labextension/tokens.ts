import { Token } from "@lumino/coreutils";
import type { JupyterHost } from "../client/host.js";
import type { VaultClient } from "../client/vault-client.js";

/** This page's line to the vault; `null` where the page has none. */
export interface ISignIns {
  readonly host: JupyterHost;
  readonly vault: VaultClient;
  /** The same for the sidebar, which shows sessions and brings nothing to kernels. */
  readonly sidebar: VaultClient;
}

export const ISignIns = new Token<ISignIns>(
  "oidc-widget:ISignIns",
  "The line to the vault, which holds the sign-ins of this browser and Jupyter server.",
);
