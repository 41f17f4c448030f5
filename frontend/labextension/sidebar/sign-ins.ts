import type { INotebookTracker } from "@jupyterlab/notebook";
import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { Translate } from "../../view/countdown.js";
import type { ISignIns } from "../tokens.js";
import { findChoices } from "./choices.js";
import { SignInsPanel } from "./panel.js";
import type { PanelActions } from "./panel-actions.js";
import { Rows } from "./rows.js";

export interface SignInsOptions {
  node: HTMLElement;
  signIns: ISignIns;
  settings: ISettingRegistry.ISettings | null;
  notebooks: INotebookTracker | null;
  actions: PanelActions;
  translate: Translate;
}

/** Everything behind the sidebar's tab and its commands. Loaded when the first of them is used. */
export interface SignIns {
  rows: Rows;
  panel: SignInsPanel;
}

export async function openSignIns(options: SignInsOptions): Promise<SignIns> {
  const { node, signIns, settings, notebooks, actions, translate } = options;
  const rows = new Rows(signIns.sidebar, signIns.host);
  void signIns.sidebar.connect();
  const choose = async () => {
    rows.choices = await findChoices(signIns.host, settings);
  };
  settings?.changed.connect(() => void choose());
  await choose();
  const panel = new SignInsPanel(node, rows, actions, translate);
  notebooks?.currentChanged.connect(() => panel.refresh());
  return { rows, panel };
}
