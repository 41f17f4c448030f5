import type { SignInControl } from "../client/sign-in/sign-in-control.js";
import type { Problem } from "../oauth/errors.js";
import { english, type Translate, timeLeft } from "./countdown.js";
import { DeviceView, waitingElsewhere } from "./device.js";
import { copyButton, element, type Icon } from "./elements.js";

export interface ViewOptions {
  /** The provider's name on the button. */
  label?: string | null;
  translate?: Translate;
  /** `null` within something that has a name of its own, such as a row of the sidebar. */
  role?: "region" | null;
}

interface Line {
  icon: Icon;
  /** Announced when it changes. */
  status?: string;
  /** Seconds left; shown and counted down, but not announced. */
  left?: number;
  problem?: Problem;
  /** Said after the status, for the eye only. */
  note?: string;
  buttons: [label: string, run: () => void, primary?: boolean][];
  link?: [label: string, open: () => void];
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
  #label = "";
  readonly #translate: Translate;
  readonly #forget: () => void;
  #timer?: ReturnType<typeof setTimeout>;
  #shown = "";
  #open = false;

  constructor(
    parent: HTMLElement,
    login: SignInControl,
    { label, translate = english, role = "region" }: ViewOptions = {},
  ) {
    this.#login = login;
    this.#translate = translate;
    this.#root = element("div", "oidc-widget", role ? { role, "aria-label": translate("OIDC sign-in") } : {});
    const line = element("div", "oidc-line");
    line.append(this.#icon, this.#status, this.#note, this.#alert, this.#actions);
    this.#device = new DeviceView(login, translate);
    this.#root.append(line, this.#details, this.#device.root);
    parent.append(this.#root);
    this.#forget = login.onChange(() => this.#render());
    this.label = label;
  }

  /** The provider's name on the button. */
  set label(label: string | null | undefined) {
    this.#label = label ? this.#translate("Sign in to %1", label) : this.#translate("Sign in");
    this.#render();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#forget();
    this.#root.remove();
  }

  #render(): void {
    clearTimeout(this.#timer);
    const line = this.#line();
    const elapsed = (performance.now() - this.#login.state.at) / 1000;
    const left = line.left === undefined ? undefined : timeLeft(line.left - elapsed, this.#translate);
    if (left) this.#timer = setTimeout(() => this.#render(), left.next * 1000);
    this.#icon.className = `oidc-icon oidc-${line.icon}`;
    setText(this.#status, line.status ?? "");
    setText(this.#note, [line.note, left?.text].filter(Boolean).join(" · "));
    setText(this.#alert, line.problem ? sentences(line.problem) : "");
    this.#alert.title = this.#alert.textContent ?? "";
    this.#showActions(line);
    this.#showDetails(line.problem);
    this.#device.render();
  }

  #line(): Line {
    const { status, account, expires_in, error, offer, unattended } = this.#login.state;
    const t = this.#translate;
    const signIn: Line["buttons"][number] = [this.#label, () => this.#login.signIn(), true];
    const signOut: Line["buttons"][number] = [t("Sign out"), () => this.#login.signOut()];
    switch (status) {
      case "signing_in":
        return {
          icon: "busy",
          status: this.#login.blocked
            ? t("The browser blocked the sign-in window.")
            : (waitingElsewhere(this.#login.state, t) ?? t("Waiting for the sign-in window …")),
          link: this.#login.blocked ? [t("Open sign-in page"), () => this.#login.openBlocked()] : undefined,
          buttons: [[t("Cancel"), () => this.#login.cancel()]],
        };
      case "signed_in":
        return {
          icon: "on",
          status: account ? t("Signed in as %1", account) : t("Signed in"),
          note: unattended ? t("not renewed by this page") : error && t("not renewed at the moment"),
          left: expires_in,
          buttons: unattended ? [signIn, signOut] : [signOut],
        };
      case "expired":
        return error?.code === "invalid_grant"
          ? { icon: "off", status: t("Signed out by the provider"), buttons: [signIn] }
          : { icon: "off", status: t("The sign-in has expired"), note: error?.message, buttons: [signIn] };
      case "error":
        return { icon: "warning", problem: error, buttons: [[t("Try again"), () => this.#login.signIn(), true]] };
    }
    if (offer) {
      return {
        icon: "off",
        status: "",
        buttons: [[t("Use session of %1", offer), () => this.#login.accept(), true]],
      };
    }
    const logOut: Line["buttons"] = this.#login.canLogOut
      ? [[t("Sign out at the provider too"), () => this.#login.logOut()]]
      : [];
    return { icon: "off", status: logOut.length ? t("Signed out") : "", buttons: [signIn, ...logOut] };
  }

  /** Buttons are made anew only when they differ, so that the focus stays where the person put it. */
  #showActions({ buttons, link, problem }: Line): void {
    const shown = JSON.stringify([buttons.map(([label]) => label), link?.[0], problem]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.#actions.contains(document.activeElement);
    const nodes: HTMLElement[] = buttons.map(([label, run, primary]) => {
      const button = element("button", primary ? "oidc-button oidc-primary" : "oidc-button", { type: "button" });
      button.textContent = label;
      button.addEventListener("click", run);
      return button;
    });
    if (link) {
      // The address holds `state` and `nonce`: it must not stand in the page, so there is no real `href`.
      const anchor = element("a", "oidc-link", { href: "#" });
      anchor.textContent = link[0];
      anchor.addEventListener("click", (event) => {
        event.preventDefault();
        link[1]();
      });
      nodes.unshift(anchor);
    }
    if (problem?.copy) nodes.push(copyButton(problem.copy, this.#alert, this.#translate));
    if (problem) {
      const more = element("button", "oidc-button oidc-more", { type: "button", "aria-expanded": String(this.#open) });
      more.textContent = this.#translate("Details");
      more.addEventListener("click", () => {
        this.#open = !this.#open;
        more.setAttribute("aria-expanded", String(this.#open));
        this.#showDetails(problem);
      });
      nodes.push(more);
    }
    this.#actions.replaceChildren(...nodes);
    if (focused) nodes[0]?.focus();
  }

  #showDetails(problem?: Problem): void {
    this.#details.hidden = !problem || !this.#open;
    if (!problem) {
      this.#open = false;
      return;
    }
    const text = element("p");
    text.textContent = sentences(problem);
    const code = element("code");
    code.textContent = problem.code;
    this.#details.replaceChildren(text, code);
    if (problem.copy) {
      const value = element("code", "oidc-copy");
      value.textContent = problem.copy;
      this.#details.append(value);
    }
  }
}

/** Writing the same text again would make a screen reader say it again. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** A message may end in an address, which a full stop would be taken for a part of. */
function sentences({ message, hint }: Problem): string {
  return [message, hint].filter(Boolean).join(/[.!?]$/.test(message) ? " " : " — ");
}
