import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { onWidget } from "../../client/connecting.js";
import { jupyterHost } from "../../client/host.js";
import { onLifeSign } from "../../vault/life-signs.js";
import { ISignIns, type Lines } from "../tokens.js";

export const connection: JupyterFrontEndPlugin<ISignIns> = {
  id: "oidc-widget:connection",
  description: "Connects this page to the vault, which holds the sign-ins, as soon as anybody needs it.",
  autoStart: true,
  provides: ISignIns,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const host = jupyterHost();
    if (!host) throw new Error("oidc-widget: this page has no #jupyter-config-data, so it can't find the vault.");
    const bundle = (translator ?? nullTranslator).load("oidc_widget");
    const prepare: ((lines: Lines) => Promise<void> | void)[] = [];
    let loaded: Promise<Lines> | undefined;
    const load = async (): Promise<Lines> => {
      const [{ makeLines }] = await Promise.all([import("../lines.js"), app.started]);
      const lines = makeLines(host);
      await Promise.all(prepare.map((step) => step(lines)));
      return lines;
    };
    const lines = () => {
      loaded ??= load();
      return loaded;
    };
    const connect = async () => (await lines()).delivery.connect();
    onWidget(() => ({ deliver: connect, translate: (text, ...values) => bundle.__(text, ...values) }));
    onLifeSign(host.filesUrl, () => void connect());
    return { host, lines, onLines: (step) => void prepare.push(step) };
  },
};
