import type { Translate } from "../../view/countdown.js";
import { element } from "../../view/elements.js";
import { View } from "../../view/line.js";
import type { PanelActions } from "./panel-actions.js";
import type { Row } from "./rows.js";

/** A row of the sidebar: the widget's own line, narrower, with the time left as a thin bar and what uses it. */
export class RowView {
  readonly node = element("li", "oidc-row");
  readonly #actions: PanelActions;
  readonly #translate: Translate;
  readonly #view: View;
  readonly #bar = element("div", "oidc-bar", { "aria-hidden": "true" });
  readonly #left = element("div");
  readonly #uses = element("div", "oidc-uses");
  readonly #title = element("span");
  readonly #insert = element("button", "oidc-button", { type: "button" });
  readonly #add = element("button", "oidc-button", { type: "button" });
  readonly #forget: () => void;
  #row: Row;
  #shownUses = "";

  /** @param addOrDismiss what the row's last button does: adds a row for another account, or takes that row away */
  constructor(row: Row, actions: PanelActions, translate: Translate, addOrDismiss: () => void) {
    this.#row = row;
    this.#actions = actions;
    this.#translate = translate;
    const title = element("div", "oidc-row-title");
    const { icon } = row.choice;
    if (icon) title.append(element("img", "oidc-row-icon", { src: icon, alt: "" }));
    title.append(this.#title);
    this.node.append(title);
    this.#view = new View(this.node, row.login, { translate, role: null });
    this.#bar.append(this.#left);
    this.#insert.textContent = translate("Insert code");
    this.#insert.addEventListener("click", () => actions.insertCode(this.#row.code ?? this.#row.choice));
    this.#add.textContent = row.another ? translate("Dismiss") : translate("Add account");
    this.#add.addEventListener("click", addOrDismiss);
    const buttons = element("div", "oidc-actions oidc-row-actions");
    buttons.append(this.#insert, this.#add);
    this.node.append(this.#bar, this.#uses, buttons);
    this.#forget = row.login.onChange(() => this.tick());
    this.show(row);
  }

  show(row: Row): void {
    this.#row = row;
    const { choice, session, another, signedOut } = row;
    const whose = another ? this.#translate("another account") : signedOut;
    this.#title.textContent = [choice.label, whose].filter(Boolean).join(", ");
    this.node.setAttribute("aria-label", [choice.label, whose ?? session?.account].filter(Boolean).join(", "));
    this.#insert.hidden = another === true || signedOut !== undefined;
    this.#add.hidden = !session && !another;
    this.#showUses();
    this.tick();
  }

  /** Moves the bar, and looks whether there is a notebook for the code. */
  tick(): void {
    const notebook = this.#actions.activeNotebook();
    this.#insert.disabled = notebook === null;
    this.#insert.title =
      notebook === null
        ? this.#translate("Open a notebook first")
        : this.#translate("Insert a sign-in cell into %1", notebook);
    const { status, expires_in, at } = this.#row.login.state;
    const lifetime = this.#row.session?.lifetime;
    const shown = status === "signed_in" && expires_in !== undefined && lifetime !== undefined;
    this.#bar.hidden = !shown;
    if (!shown) return;
    const left = Math.max(0, expires_in - (performance.now() - at) / 1000);
    this.#left.style.width = `${Math.min(100, (100 * left) / lifetime).toFixed(1)}%`;
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
