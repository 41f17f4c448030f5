import { SidePanel } from "@jupyterlab/ui-components";
import type { Message } from "@lumino/messaging";
import { Panel } from "@lumino/widgets";
import { signInsIcon } from "./icons.js";

/** The sidebar's tab and its empty panel; what it shows is loaded when somebody first looks. */
export class SignInsTab extends SidePanel {
  readonly #onShown: (shown: boolean) => void;

  constructor(title: string, onShown: (shown: boolean) => void) {
    super({ content: new Panel() });
    this.#onShown = onShown;
    this.id = "oidc-widget-sign-ins";
    this.title.icon = signInsIcon;
    this.title.caption = title;
    this.addClass("oidc-panel");
    this.content.node.setAttribute("aria-label", title);
  }

  protected override onAfterShow(_: Message): void {
    this.#onShown(true);
  }

  protected override onAfterHide(_: Message): void {
    this.#onShown(false);
  }
}
