import type { Translate } from "../../client/translate.js";
import { button, element, show } from "../../view/elements.js";
import { View } from "../../view/line.js";
import type { PanelActions } from "./panel-actions.js";
import type { Row } from "./rows.js";

/** What a row asks of the list that it stands in. */
export interface RowActions extends PanelActions {
  addAccount(row: Row): void;
  dismiss(row: Row): void;
}

/** A row of the sidebar: the widget's own line, narrower, with what uses its session and what else can be done. */
export class RowView {
  readonly node = element("li", "oidc-row");
  readonly #actions: RowActions;
  readonly #translate: Translate;
  readonly #view: View;
  readonly #uses = element("div", "oidc-uses");
  readonly #title = element("bdi");
  readonly #whose = element("bdi");
  readonly #insert: HTMLButtonElement;
  readonly #add: HTMLButtonElement;
  readonly #dismiss: HTMLButtonElement;
  readonly #forget: () => void;
  #row: Row;
  #shownUses = "";

  constructor(row: Row, actions: RowActions, translate: Translate) {
    this.#row = row;
    this.#actions = actions;
    this.#translate = translate;
    const title = element("div", "oidc-row-title");
    const { icon } = row.choice;
    if (icon) title.append(element("img", "oidc-row-icon", { src: icon, alt: "" }));
    title.append(this.#title, this.#whose);
    this.#insert = button(translate("Insert code"), () => actions.insertCode(this.#row.code ?? this.#row.choice));
    this.#add = button(translate("Add account"), () => actions.addAccount(this.#row));
    this.#dismiss = button(translate("Dismiss"), () => actions.dismiss(this.#row));
    const more = element("span", "oidc-actions");
    more.append(this.#insert, this.#add, this.#dismiss);
    this.node.append(title);
    this.#view = new View(this.node, row.login, { translate, role: null, more: [more] });
    this.node.append(this.#uses);
    this.#forget = row.login.onChange(() => this.look());
    this.show(row);
  }

  show(row: Row): void {
    this.#row = row;
    const { choice, session, another, signedOut } = row;
    const whose = another ? this.#translate("another account") : signedOut;
    this.#title.textContent = choice.label;
    show(this.#whose, whose ? [new Text(`, ${whose}`)] : []);
    this.node.setAttribute("aria-label", [choice.label, whose ?? session?.account].filter(Boolean).join(", "));
    this.#showUses();
    this.look();
  }

  /** What can be done depends on the sign-in, and on whether there is a notebook for the code. */
  look(): void {
    const { session, another, signedOut, login } = this.#row;
    const { status } = login.state;
    this.#insert.hidden = another === true || signedOut !== undefined || status === "signing_in";
    this.#add.hidden = !session || status !== "signed_in";
    this.#dismiss.hidden =
      signedOut === undefined && !(session && status === "expired") && !(another && status === "error");
    const notebook = this.#actions.activeNotebook();
    this.#insert.disabled = notebook === null;
    this.#insert.title =
      notebook === null
        ? this.#translate("Open a notebook first")
        : this.#translate("Insert a sign-in cell into %1", notebook);
  }

  dispose(): void {
    this.#forget();
    this.#view.dispose();
    this.node.remove();
  }

  #showUses(): void {
    const paths = [...new Map((this.#row.session?.uses ?? []).map(({ path, name }) => [path, name]))];
    const shown = JSON.stringify(paths);
    if (shown === this.#shownUses) return;
    this.#shownUses = shown;
    this.#uses.replaceChildren(
      ...paths.map(([path, name]) => {
        const link = element("button", "oidc-use", { type: "button", title: path });
        link.textContent = name || path;
        link.setAttribute("aria-label", this.#translate("Go to %1", name || path));
        link.addEventListener("click", () => this.#actions.goTo(path));
        return link;
      }),
    );
  }
}
