import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import { jupyterHost } from "../page/host.js";
import { VaultClient } from "../page/vault-client.js";
import { type ConnectedKernel, Courier } from "./courier.js";
import { ISignIns } from "./tokens.js";

const vault: JupyterFrontEndPlugin<ISignIns> = {
  id: "oidc-widget:vault",
  description: "Connects this page to the vault, which holds the sign-ins.",
  autoStart: true,
  provides: ISignIns,
  activate: () => {
    const host = jupyterHost();
    if (!host) throw new Error("oidc-widget: this page has no #jupyter-config-data, so it can't find the vault.");
    return { host, vault: new VaultClient(host, true) };
  },
};

const courier: JupyterFrontEndPlugin<void> = {
  id: "oidc-widget:courier",
  description: "Brings tokens to kernels over their control channel, also while a cell runs.",
  autoStart: true,
  requires: [ISignIns],
  optional: [INotebookTracker, IConsoleTracker],
  activate: (
    app: JupyterFrontEnd,
    { vault }: ISignIns,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
  ) => {
    const connected = function* (): Iterable<ConnectedKernel> {
      const contexts: ISessionContext[] = [];
      notebooks?.forEach((panel) => void contexts.push(panel.sessionContext));
      consoles?.forEach((panel) => void contexts.push(panel.sessionContext));
      for (const { session, path, name } of contexts) {
        if (session?.kernel) yield { connection: session.kernel, path, name };
      }
    };
    new Courier(vault, connected, app.serviceManager.kernels);
  },
};

export default [vault, courier];
