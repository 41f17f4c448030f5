import { Token } from "@lumino/coreutils";
import type { JupyterHost } from "../client/host.js";
import type { VaultClient } from "../client/vault-client.js";

/** This page's lines to the vault, one for each role, so that what is said on one can't be taken for the other's. */
export interface Lines {
  /** Brings tokens to kernels. */
  readonly delivery: VaultClient;
  /** Lists sessions, and signs in without a kernel. */
  readonly sidebar: VaultClient;
}

/** The way to the vault, which nobody takes before somebody wants to sign in. */
export interface ISignIns {
  readonly host: JupyterHost;
  /** The lines, loaded when they are first asked for; none of them is connected yet. */
  lines(): Promise<Lines>;
  /** Said while a plugin is activated: runs, and is waited for, before anybody gets the lines. */
  onLines(prepare: (lines: Lines) => Promise<void> | void): void;
}

export const ISignIns = new Token<ISignIns>(
  "oidc-widget:ISignIns",
  "The way to the vault, which holds the sign-ins of this browser and Jupyter server.",
);
