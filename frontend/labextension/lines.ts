import type { JupyterHost } from "../client/host.js";
import { VaultClient } from "../client/vault-client.js";
import type { Lines } from "./tokens.js";

/** Loaded when somebody wants to sign in. */
export function makeLines(host: JupyterHost): Lines {
  const delivery = new VaultClient(host, "delivery");
  // What the sidebar signs in is delivered too, so that line comes first.
  return { delivery, sidebar: new VaultClient(host, "sidebar", () => delivery.connect()) };
}
