import type { SignInControl } from "../client/sign-in/sign-in-control.js";
import { english, type Translate } from "../client/translate.js";
import { timeLeft } from "./countdown.js";
import { DeviceView } from "./device.js";
import { button, copyButton, element, phrase, said, show } from "./elements.js";
import { type Line, lineOf } from "./line-content.js";

export interface ViewOptions {
  translate?: Translate;
  /** `null` within something that has a name of its own, such as a row of the sidebar. */
  role?: "region" | null;
  /** Buttons besides those of the sign-in itself. */
  more?: HTMLElement[];
}

/** One quiet line of the same height in every state. Several views of one control agree with each other. */
export class View {
  readonly #root: HTMLElement;
  readonly #icon = element("span", "oidc-icon", { "aria-hidden": "true" });
  readonly #status = element("span", "oidc-status", { role: "status", "aria-live": "polite" });
  readonly #note = element("span", "oidc-note");
  readonly #alert = element("span", "oidc-alert", { role: "alert" });
  readonly #actions = element("span", "oidc-actions");
  readonly #details = element("div", "oidc-details");
  readonly #device: DeviceView;
  readonly #login: SignInControl;
  readonly #translate: Translate;
  readonly #forget: () => void;
  #timer?: ReturnType<typeof setTimeout>;
  #shown = "";
  #open = false;

  constructor(
    parent: HTMLElement,
    login: SignInControl,
    { translate = english, role = "region", more = [] }: ViewOptions = {},
  ) {
    this.#login = login;
    this.#translate = translate;
    this.#root = element("div", "oidc-widget", role ? { role, "aria-label": translate("OIDC sign-in") } : {});
    const line = element("div", "oidc-line");
    const text = element("span", "oidc-text");
    text.append(this.#status, this.#note, this.#alert);
    const part = element("span", "oidc-said");
    part.append(this.#icon, text);
    line.append(part, this.#actions, ...more);
    this.#device = new DeviceView(login, translate);
    this.#root.append(line, this.#details, this.#device.root);
    parent.append(this.#root);
    this.#forget = login.onChange(() => this.#render());
    this.#render();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#forget();
    this.#root.remove();
  }

  #render(): void {
    clearTimeout(this.#timer);
    const t = this.#translate;
    const line = lineOf(this.#login);
    const elapsed = (performance.now() - this.#login.state.at) / 1000;
    const left = line.left === undefined ? undefined : timeLeft(line.left - elapsed, t);
    if (left) this.#timer = setTimeout(() => this.#render(), left.next * 1000);
    this.#icon.className = line.icon ? `oidc-icon oidc-${line.icon}` : "oidc-icon";
    show(this.#status, line.status ? phrase(t, line.status) : []);
    this.#status.title = line.renewedWithin === undefined ? "" : renewedAt(line.renewedWithin - elapsed, t);
    const note = line.note ? phrase(t, line.note) : [];
    show(this.#note, left ? [...note, new Text(`${note.length > 0 ? " · " : ""}${left.text}`)] : note);
    show(this.#alert, line.problem ? said(line.problem, t) : []);
    this.#showActions(line);
    this.#showDetails(line);
    this.#device.render();
  }

  /** Buttons are made anew only when they differ, so that the focus stays where the person put it. */
  #showActions(line: Line): void {
    const { buttons, link, problem, details } = line;
    const shown = JSON.stringify([buttons.map(([label, , primary]) => [label, primary]), link?.[0], problem, details]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.#actions.contains(document.activeElement);
    const t = this.#translate;
    const nodes: HTMLElement[] = buttons.map(([label, run, primary]) => button(phrase(t, label), run, primary));
    if (link) {
      // The address holds `state` and `nonce`: it must not stand in the page, so there is no real `href`.
      const anchor = element("a", "oidc-link", { href: "#" });
      anchor.append(...phrase(t, link[0]));
      anchor.addEventListener("click", (event) => {
        event.preventDefault();
        link[1]();
      });
      nodes.unshift(anchor);
    }
    if (problem?.copy) nodes.push(copyButton(problem.copy, this.#alert, t));
    if (details) nodes.push(this.#more());
    this.#actions.replaceChildren(...nodes);
    if (focused) nodes[0]?.focus();
  }

  #more(): HTMLElement {
    const more = button(this.#translate("Details"), () => {
      this.#open = !this.#open;
      more.setAttribute("aria-expanded", String(this.#open));
      this.#showDetails(lineOf(this.#login));
    });
    more.classList.add("oidc-more");
    more.setAttribute("aria-expanded", String(this.#open));
    return more;
  }

  /** What the line does not say already. */
  #showDetails({ details, problem }: Line): void {
    this.#details.hidden = !details || !this.#open;
    if (!details) {
      this.#open = false;
      return;
    }
    const code = element("code");
    code.textContent = details.code;
    const more = element("a");
    more.className = "oidc-link";
    more.href = `${TROUBLESHOOTING}#${encodeURIComponent(details.code)}`;
    more.target = "_blank";
    more.rel = "noopener noreferrer";
    more.append(code);
    const text = element("p");
    if (!problem) text.append(...said(details, this.#translate));
    show(this.#details, problem ? [more] : [text, more]);
  }
}

/** Where more is said of each code, as the kernel's errors say too. */
const TROUBLESHOOTING = "https://oidc-widget.readthedocs.io/en/stable/troubleshooting/";

function renewedAt(seconds: number, t: Translate): string {
  const time = new Date(Date.now() + Math.max(0, seconds) * 1000).toLocaleTimeString([], { timeStyle: "short" });
  return t("Renewed by itself; the token at hand lives until %1", time);
}
