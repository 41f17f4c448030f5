import type { Translate } from "./countdown.js";

/** The second half of a class name in the style sheet. */
export type Icon = "on" | "off" | "busy" | "warning";

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = "",
  attributes: Record<string, string> = {},
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  node.className = className;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Copies a text that stands in `value`. */
export function copyButton(text: string, value: HTMLElement, translate: Translate): HTMLButtonElement {
  const button = element("button", "oidc-button", { type: "button" });
  button.textContent = translate("Copy");
  const select = () => getSelection()?.selectAllChildren(value); // not allowed here: select it, so that Ctrl-C does it
  button.addEventListener("click", () => {
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(text).then(() => {
      button.textContent = translate("Copied");
    }, select);
  });
  return button;
}
