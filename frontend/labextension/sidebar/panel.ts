import { type SidePanel, settingsIcon, ToolbarButton } from "@jupyterlab/ui-components";
import { Widget } from "@lumino/widgets";
import type { Translate } from "../../client/translate.js";
import { button, element, said, show } from "../../view/elements.js";
import type { TerminalPermission } from "../terminal-permission.js";
import type { PanelActions } from "./panel-actions.js";
import { type RowActions, RowView } from "./row-view.js";
import type { Row, Rows } from "./rows.js";
import { TerminalsSwitch } from "./terminals-switch.js";

/** What the sidebar `Sign-ins` shows: providers and sessions, each with what a person can do about it. */
export class SignInsPanel {
  readonly #rows: Rows;
  readonly #actions: RowActions;
  readonly #translate: Translate;
  readonly #list = element("ul", "oidc-rows");
  readonly #empty = element("div", "oidc-empty");
  readonly #problem = element("p", "oidc-panel-problem", { role: "alert" });
  readonly #views = new Map<string, RowView>();
  readonly #terminals: TerminalPermission;
  readonly #terminalsSwitch: TerminalsSwitch;

  constructor(
    panel: SidePanel,
    rows: Rows,
    actions: PanelActions,
    terminals: TerminalPermission,
    translate: Translate,
  ) {
    this.#rows = rows;
    this.#terminals = terminals;
    this.#terminalsSwitch = new TerminalsSwitch(terminals, translate);
    this.#actions = {
      ...actions,
      addAccount: (row) => rows.addAccount(row.choice),
      dismiss: (row) => rows.dismiss(row),
    };
    this.#translate = translate;
    const title = translate("Sign-ins");
    this.#list.setAttribute("aria-label", title);
    const heading = element("h2");
    heading.textContent = title;
    panel.header.addWidget(new Widget({ node: heading }));
    panel.toolbar.addItem(
      "settings",
      new ToolbarButton({
        icon: settingsIcon,
        tooltip: translate("Sign-in settings"),
        onClick: () => actions.openSettings(),
      }),
    );
    const body = new Widget();
    body.node.append(this.#problem, this.#list, this.#empty);
    panel.addWidget(body);
    panel.addWidget(this.#terminalsSwitch);
    this.#fillEmpty();
    rows.onChange(() => this.refresh());
    this.refresh();
  }

  /** Shows what there is now. */
  refresh(): void {
    const rows = this.#rows.list;
    for (const [key, view] of this.#views) {
      if (rows.some((row) => row.key === key)) continue;
      view.dispose();
      this.#views.delete(key);
    }
    for (const row of rows) this.#viewOf(row).show(row);
    const nodes = rows.map((row) => this.#viewOf(row).node);
    // Moving a node takes the focus from it, so only a new order is laid out.
    if (nodes.some((node, index) => this.#list.children[index] !== node)) this.#list.replaceChildren(...nodes);
    const { problem } = this.#rows;
    show(this.#problem, problem ? said(problem, this.#translate) : []);
    this.#list.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    // Where there is nobody to sign in at there is nothing to allow; what was allowed can be taken back.
    this.#terminalsSwitch.setHidden(rows.length === 0 && !this.#terminals.allowed);
  }

  set shown(shown: boolean) {
    if (shown) this.refresh();
    else this.#rows.tidy();
  }

  #viewOf(row: Row): RowView {
    let view = this.#views.get(row.key);
    if (!view) {
      view = new RowView(row, this.#actions, this.#translate);
      this.#views.set(row.key, view);
    }
    return view;
  }

  #fillEmpty(): void {
    const t = this.#translate;
    const [first, second] = [element("p"), element("p")];
    first.textContent = t("No provider is set up yet.");
    second.textContent = t(
      "Add your OpenID provider in the settings to sign in here. Whoever signs in from a notebook is listed too.",
    );
    this.#empty.append(
      first,
      second,
      button(t("Add a provider"), () => this.#actions.openSettings(), true),
    );
  }
}
