import type { INotebookTracker } from "@jupyterlab/notebook";
import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { SidePanel } from "@jupyterlab/ui-components";
import type { Translate } from "../../client/translate.js";
import type { TerminalPermission } from "../terminal-permission.js";
import type { ISignIns } from "../tokens.js";
import { findChoices } from "./choices.js";
import { SignInsPanel } from "./panel.js";
import type { PanelActions } from "./panel-actions.js";
import { Rows } from "./rows.js";

export interface SignInsOptions {
  panel: SidePanel;
  signIns: ISignIns;
  settings: ISettingRegistry.ISettings | null;
  notebooks: INotebookTracker | null;
  actions: PanelActions;
  terminals: TerminalPermission;
  translate: Translate;
}

/** Everything behind the sidebar's tab and its commands. Loaded when the first of them is used. */
export interface SignIns {
  rows: Rows;
  panel: SignInsPanel;
}

export async function openSignIns(options: SignInsOptions): Promise<SignIns> {
  const { panel: tab, signIns, settings, notebooks, actions, terminals, translate } = options;
  const { sidebar } = await signIns.lines();
  const rows = new Rows(sidebar, signIns.host);
  void sidebar.connect();
  const choose = async () => {
    rows.choices = await findChoices(signIns.host, settings);
  };
  settings?.changed.connect(() => void choose());
  await choose();
  const panel = new SignInsPanel(tab, rows, actions, terminals, translate);
  notebooks?.currentChanged.connect(() => panel.refresh());
  return { rows, panel };
}
