import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import type { ConnectedKernel } from "../control-channel.js";
import { ISignIns } from "../tokens.js";

export const delivery: JupyterFrontEndPlugin<void> = {
  id: "oidc-widget:delivery",
  description: "Brings tokens to kernels over their control channel, also while a cell runs.",
  autoStart: true,
  requires: [ISignIns],
  optional: [INotebookTracker, IConsoleTracker],
  activate: (
    app: JupyterFrontEnd,
    signIns: ISignIns,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
  ) => {
    const connected = function* (): Iterable<ConnectedKernel> {
      const contexts: ISessionContext[] = [];
      const add = ({ sessionContext }: { sessionContext: ISessionContext }) => void contexts.push(sessionContext);
      notebooks?.forEach(add);
      consoles?.forEach(add);
      for (const { session, path, name } of contexts) {
        if (session?.kernel) yield { connection: session.kernel, path, name };
      }
    };
    signIns.onLines(async (lines) => {
      const { ControlChannel } = await import("../control-channel.js");
      new ControlChannel(lines.delivery, connected, app.serviceManager.kernels);
    });
  },
};
