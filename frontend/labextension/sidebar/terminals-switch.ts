import { Switch } from "@jupyterlab/ui-components";
import { Panel, Widget } from "@lumino/widgets";
import type { Translate } from "../../client/translate.js";
import { element, phrase } from "../../view/elements.js";
import type { TerminalPermission } from "../terminal-permission.js";

/** Where the person lets terminals have access tokens, and what that means. */
export class TerminalsSwitch extends Panel {
  constructor(permission: TerminalPermission, translate: Translate) {
    super();
    this.addClass("oidc-terminals");
    const control = new Switch();
    control.label = translate("Access tokens for terminals");
    control.value = permission.allowed;
    control.valueChanged.connect((_, { newValue }) => {
      permission.allowed = newValue;
    });
    permission.onChange(() => {
      control.value = permission.allowed;
    });
    const note = element("p", "oidc-note", { id: "oidc-widget-terminals-note" });
    note.append(
      ...phrase(translate, [
        "%1 prints one there while a page is open. So can every program that may use this Jupyter server as you.",
        "oidc-widget token",
      ]),
    );
    control.node.querySelector("button")?.setAttribute("aria-describedby", note.id);
    this.addWidget(control);
    this.addWidget(new Widget({ node: note }));
  }
}
