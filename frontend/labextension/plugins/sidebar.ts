import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import type { Translate } from "../../client/translate.js";
import { followSettings, SETTINGS_ID } from "../settings.js";
import { insertCode } from "../sidebar/insert-code.js";
import type { PanelActions } from "../sidebar/panel-actions.js";
import type { SignIns } from "../sidebar/sign-ins.js";
import { SignInsTab } from "../sidebar/tab.js";
import { followTerminals, terminalPermission } from "../terminal-permission.js";
import { ISignIns } from "../tokens.js";
import { addCommands } from "./commands.js";

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: SETTINGS_ID,
  description: "The sidebar “Sign-ins”, its commands and its settings.",
  autoStart: true,
  requires: [ISignIns],
  optional: [ISettingRegistry, ITranslator, ICommandPalette, INotebookTracker, IConsoleTracker, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    signIns: ISignIns,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    restorer: ILayoutRestorer | null,
  ) => {
    const bundle = (translator ?? nullTranslator).load("oidc_widget");
    const translate: Translate = (text, ...values) => bundle.__(text, ...values);
    const settings = registry ? loadSettings(registry) : Promise.resolve(null);
    signIns.onLines(async (lines) => {
      const loaded = await settings;
      if (registry && loaded) followSettings(lines, registry, loaded);
    });

    const permission = terminalPermission(signIns.host.baseUrl, app.serviceManager.user);
    followTerminals(signIns, permission);

    const actions: PanelActions = {
      activeNotebook: () => notebooks?.currentWidget?.title.label ?? null,
      insertCode: (choice) => insertCode(notebooks, choice),
      goTo: (path) => {
        const shown =
          notebooks?.find(({ context }) => context.path === path) ??
          consoles?.find(({ sessionContext }) => sessionContext.path === path);
        if (shown) app.shell.activateById(shown.id);
        else void app.commands.execute("docmanager:open", { path });
      },
      openSettings: () => void app.commands.execute("settingeditor:open", { query: translate("Sign-ins") }),
    };

    let opened: Promise<SignIns> | undefined;
    const open = (): Promise<SignIns> => {
      opened ??= Promise.all([import("../sidebar/sign-ins.js"), settings, permission]).then(
        ([{ openSignIns }, loaded, terminals]) =>
          openSignIns({ panel: tab, signIns, settings: loaded, notebooks, actions, terminals, translate }),
      );
      return opened;
    };
    const tab = new SignInsTab(translate("Sign-ins"), (shown) => {
      if (shown || opened) {
        void open().then(({ panel }) => {
          panel.shown = shown;
        });
      }
    });
    app.shell.add(tab, "left", { rank: 650, type: "Sign-ins" });
    restorer?.add(tab, tab.id);
    addCommands(app, { open, show: () => app.shell.activateById(tab.id), actions, palette, translate });
  },
};

/** Without settings (a broken file, an old server) the sidebar still lists the server's providers. */
async function loadSettings(registry: ISettingRegistry): Promise<ISettingRegistry.ISettings | null> {
  try {
    return await registry.load(SETTINGS_ID);
  } catch (_failure) {
    return null;
  }
}
