import { settingsIcon } from "@jupyterlab/ui-components";
import type { Translate } from "../../view/countdown.js";
import { element } from "../../view/elements.js";
import type { PanelActions } from "./panel-actions.js";
import { RowView } from "./row-view.js";
import type { Row, Rows } from "./rows.js";

/** How often the bars move, in ms, while the panel is shown. */
const TICK = 1000;

/** What the sidebar `Sign-ins` shows: providers and sessions, each with what a person can do about it. */
export class SignInsPanel {
  readonly #rows: Rows;
  readonly #actions: PanelActions;
  readonly #translate: Translate;
  readonly #list = element("ul", "oidc-rows");
  readonly #empty = element("div", "oidc-empty");
  readonly #problem = element("p", "oidc-panel-problem", { role: "alert" });
  readonly #views = new Map<string, RowView>();
  #timer?: ReturnType<typeof setInterval>;

  constructor(parent: HTMLElement, rows: Rows, actions: PanelActions, translate: Translate) {
    this.#rows = rows;
    this.#actions = actions;
    this.#translate = translate;
    const title = translate("Sign-ins");
    this.#list.setAttribute("aria-label", title);
    parent.append(this.#header(title), this.#problem, this.#list, this.#empty);
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
    const { problem } = this.#rows.choices;
    this.#problem.textContent = problem ? [problem.message, problem.hint].filter(Boolean).join(" ") : "";
    this.#list.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
  }

  /** Bars move while somebody can see them. */
  set shown(shown: boolean) {
    clearInterval(this.#timer);
    if (!shown) return;
    this.refresh();
    this.#timer = setInterval(() => {
      for (const view of this.#views.values()) view.tick();
    }, TICK);
  }

  #viewOf(row: Row): RowView {
    let view = this.#views.get(row.key);
    if (!view) {
      view = new RowView(row, this.#actions, this.#translate, () =>
        row.another ? this.#rows.dismiss(row) : this.#rows.addAccount(row.choice),
      );
      this.#views.set(row.key, view);
    }
    return view;
  }

  #header(title: string): HTMLElement {
    const header = element("div", "oidc-panel-header");
    const heading = element("h2");
    heading.textContent = title;
    const settings = element("button", "oidc-button oidc-icon-button", {
      type: "button",
      "aria-label": this.#translate("Sign-in settings"),
      title: this.#translate("Sign-in settings"),
    });
    settingsIcon.element({ container: settings, height: "16px", width: "16px" });
    settings.addEventListener("click", () => this.#actions.openSettings());
    header.append(heading, settings);
    return header;
  }

  #fillEmpty(): void {
    const t = this.#translate;
    const [first, second] = [element("p"), element("p")];
    first.textContent = t("No provider is set up yet, and nobody is signed in.");
    second.textContent = t(
      "Add your OpenID provider in the settings, or run OIDCLogin(authority=…, client_id=…) in a notebook: its sign-in appears here.",
    );
    const button = element("button", "oidc-button oidc-primary", { type: "button" });
    button.textContent = t("Add a provider");
    button.addEventListener("click", () => this.#actions.openSettings());
    this.#empty.append(first, second, button);
  }
}
