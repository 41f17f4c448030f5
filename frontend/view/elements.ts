import type { Translate } from "../client/translate.js";
import type { Problem, Sentence } from "../oauth/errors.js";

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

/** JupyterLab's own button, with a fallback of ours for hosts without its style. */
export function button(text: string | Node[], run: () => void, primary = false): HTMLButtonElement {
  const look = primary ? "jp-mod-accept oidc-primary" : "jp-mod-minimal";
  const node = element("button", `oidc-button jp-Button jp-mod-styled jp-mod-small ${look}`, { type: "button" });
  node.append(...[text].flat());
  node.addEventListener("click", run);
  return node;
}

/** Copies a text that stands in `value`. */
export function copyButton(text: string, value: HTMLElement, translate: Translate): HTMLButtonElement {
  const select = () => getSelection()?.selectAllChildren(value); // not allowed here: select it, so that Ctrl-C does it
  const node = button(translate("Copy"), () => {
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(text).then(() => {
      node.textContent = translate("Copied");
    }, select);
  });
  return node;
}

/** Stands for the value of that number while a sentence is translated; it is in no text (Unicode's private use). */
const PLACE = /\uE000(\d)/;
const place = (index: number) => `\uE000${index}`;

/**
 * A sentence in the page's language. What it is about (a name, an address) stands in `<bdi>`: a name that is written, or
 * says that it is written, from right to left turns no word of ours around (UAX #9).
 */
export function phrase(translate: Translate, [text, ...values]: Sentence): Node[] {
  const parts = translate(text, ...values.map((_, index) => place(index))).split(PLACE);
  return parts.map((part, index) => {
    if (index % 2 === 0) return document.createTextNode(part);
    const value = element("bdi");
    value.textContent = values[Number(part)] ?? "";
    return value;
  });
}

/** A problem in the page's language: what happened and why, and what to do about it. */
export function said({ message, hint, sentences }: Problem, translate: Translate): Node[] {
  const happened = (sentences?.message ?? [["%1", message]]).flatMap((sentence, index) => [
    new Text(index > 0 ? " " : ""),
    ...phrase(translate, sentence as Sentence),
  ]);
  const advice: Sentence | undefined = sentences?.hint ?? (hint ? ["%1", hint] : undefined);
  if (!advice) return happened;
  // A message may end in an address, which a full stop would be taken for a part of.
  const sentenceEnds = /[.!?]$/.test(happened.map(({ textContent }) => textContent).join(""));
  return [...happened, new Text(sentenceEnds ? " " : " — "), ...phrase(translate, advice)];
}

/** Writing the same again would make a screen reader say it again. */
export function show(node: HTMLElement, content: Node[]): void {
  if (node.textContent !== content.map(({ textContent }) => textContent).join("")) node.replaceChildren(...content);
}
