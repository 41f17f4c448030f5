import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type ICommandPalette, InputDialog } from "@jupyterlab/apputils";
import type { Translate } from "../../client/translate.js";
import { signInsIcon } from "../sidebar/icons.js";
import type { PanelActions } from "../sidebar/panel-actions.js";
import type { Row } from "../sidebar/rows.js";
import type { SignIns } from "../sidebar/sign-ins.js";

export const CommandIDs = {
  show: "oidc-widget:show",
  signIn: "oidc-widget:sign-in",
  signOut: "oidc-widget:sign-out",
  insertCode: "oidc-widget:insert-code",
} as const;

interface Parts {
  open(): Promise<SignIns>;
  show(): void;
  actions: PanelActions;
  palette: ICommandPalette | null;
  translate: Translate;
}

/** The sidebar's actions, for the palette and for shortcuts. */
export function addCommands(app: JupyterFrontEnd, { open, show, actions, palette, translate: t }: Parts): void {
  const isSignedIn = (row: Row) => row.login.state.status === "signed_in";
  /** One of those that fit; without any, the panel says what to do. */
  const choose = async (title: string, fits: (row: Row) => boolean): Promise<Row | undefined> => {
    const { rows } = await open();
    const fitting = rows.list.filter(fits);
    if (fitting.length === 0) show();
    if (fitting.length <= 1) return fitting[0];
    // Isolated (UAX #9), as `<bdi>` does elsewhere: a name that runs from right to left turns nothing else around.
    const isolated = (name: string | undefined) => (name ? [`\u2068${name}\u2069`] : []);
    const items = fitting.map(({ choice, session }) =>
      [...isolated(choice.label), ...isolated(session?.account)].join(" – "),
    );
    const { value } = await InputDialog.getItem({ title, items });
    return fitting[items.indexOf(value ?? "")];
  };

  /** None of them takes arguments (JSON Schema). */
  const describedBy = { args: { type: "object", properties: {} } };
  app.commands.addCommand(CommandIDs.show, {
    label: t("Show the sign-ins"),
    caption: t("Open the sidebar with the OpenID sign-ins of this browser"),
    icon: signInsIcon,
    describedBy,
    execute: show,
  });
  app.commands.addCommand(CommandIDs.signIn, {
    label: t("Sign in …"),
    describedBy,
    execute: async () => {
      const row = await choose(t("Sign in to"), (candidate) => !isSignedIn(candidate));
      row?.login.signIn();
      show();
    },
  });
  app.commands.addCommand(CommandIDs.signOut, {
    label: t("Sign out …"),
    describedBy,
    execute: async () => (await choose(t("Sign out"), isSignedIn))?.login.signOut(),
  });
  app.commands.addCommand(CommandIDs.insertCode, {
    label: t("Insert sign-in code …"),
    describedBy,
    isEnabled: () => actions.activeNotebook() !== null,
    execute: async () => {
      const row = await choose(t("Insert code for"), () => true);
      if (row) actions.insertCode(row.code ?? row.choice);
    },
  });
  for (const command of Object.values(CommandIDs)) palette?.addItem({ command, category: t("Sign-ins") });
}
