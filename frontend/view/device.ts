import type { ShownState, SignInControl } from "../client/sign-in/sign-in-control.js";
import type { Translate } from "../client/translate.js";
import { button, copyButton, element, phrase, said, show } from "./elements.js";

/** Below the line: the code to enter elsewhere (RFC 8628 §3.3), or the field for the address one lands on. */
export class DeviceView {
  readonly root = element("div", "oidc-device");
  readonly #login: SignInControl;
  readonly #translate: Translate;
  readonly #problem = element("div", "oidc-device-problem", { role: "alert" });
  #shown = "";

  constructor(login: SignInControl, translate: Translate) {
    this.#login = login;
    this.#translate = translate;
    this.root.hidden = true;
  }

  render(): void {
    const { status, device, paste, error } = this.#login.state;
    const wanted = status === "signing_in" ? { device, paste } : {};
    // Made anew only when there is something else to show, so that what was typed stays.
    const shown = JSON.stringify(wanted);
    if (shown !== this.#shown) {
      this.#shown = shown;
      const parts = wanted.device ? this.#code(wanted.device) : wanted.paste ? this.#field(wanted.paste) : [];
      this.root.replaceChildren(...parts);
      this.root.hidden = parts.length === 0;
    }
    show(this.#problem, wanted.paste && error ? said(error, this.#translate) : []);
  }

  #code({ user_code, verification_uri, verification_uri_complete, qr_svg }: NonNullable<ShownState["device"]>): Node[] {
    const t = this.#translate;
    const text = element("div", "oidc-device-text");
    const link = element("a", "oidc-link", {
      href: webAddress(verification_uri_complete ?? verification_uri),
      target: "_blank",
      rel: "noopener noreferrer",
    });
    link.textContent = t("Open sign-in page");
    const where = element("div");
    where.append(link, " ", ...phrase(t, ["on this or any other device: %1", verification_uri]));
    const code = element("code", "oidc-code", { dir: "auto" });
    code.textContent = user_code;
    const row = element("div", "oidc-copy");
    row.append(t("and enter the code"), code, copyButton(user_code, code, t));
    text.append(where, row);
    if (!qr_svg) return [text];
    // As an image, so that nothing in it can run or load anything.
    const src = `data:image/svg+xml,${encodeURIComponent(qr_svg)}`;
    return [text, element("img", "oidc-qr", { src, alt: t("QR code of the sign-in page") })];
  }

  #field({ authorization_url, redirect_uri }: NonNullable<ShownState["paste"]>): Node[] {
    const t = this.#translate;
    const text = element("div", "oidc-device-text");
    // The address holds `state` and `nonce`: it must not stand in the page, so there is no real `href`.
    const link = element("a", "oidc-link", { href: "#" });
    link.textContent = t("Open sign-in page");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(webAddress(authorization_url), "_blank", "noopener");
    });
    const where = element("div");
    where.append(
      link,
      " ",
      ...phrase(t, ["and sign in. You land on %1, where no page need be: copy the address.", redirect_uri]),
    );
    const form = element("form", "oidc-paste");
    const label = element("label");
    const input = element("input", "oidc-input", { type: "text", autocomplete: "off", spellcheck: "false" });
    label.append(t("Address you landed on"), input);
    const handIn = () => {
      this.#login.paste?.(input.value);
      input.value = "";
    };
    form.append(label, button(t("Continue"), handIn));
    // JupyterLab keeps the browser from what Enter does to a form.
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      handIn();
    });
    text.append(where, form, this.#problem);
    return [text];
  }
}

/** Only an address of the web is opened: anything else (`javascript:`) would run in this page. */
function webAddress(address: string): string {
  return /^https?:\/\//i.test(address) ? address : "about:blank";
}
