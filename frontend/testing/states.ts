/** Every state that a widget or a row of the sidebar can be in, as pictures: `make states`, which puts this into a page. */
import type { ShownState, SignInControl } from "../client/sign-in/sign-in-control.js";
import type { VaultLogin } from "../client/sign-in/vault-login.js";
import { english } from "../client/translate.js";
import { type RowActions, RowView } from "../labextension/sidebar/row-view.js";
import type { Row } from "../labextension/sidebar/rows.js";
import type { ErrorCode } from "../oauth/errors.js";
import { element } from "../view/elements.js";
import { View } from "../view/line.js";

type Control = Omit<SignInControl, "state" | "onChange" | "signIn" | "cancel" | "signOut"> & {
  state: Partial<ShownState>;
};

const CORP = { host: "sign-in.corp.example.com", label: "Corp", configured: true };
const NOTEBOOKS = { host: "idp.example.com", configured: false };
const ALICE = "Alice Adams";
const error = (code: ErrorCode, message: string, hint: string, copy?: string) => ({
  status: "error" as const,
  error: { code, message, hint, ...(copy && { copy }) },
});
const ADDRESS = "http://localhost:8888/oidc-widget/callback/idp.example.com.0123456789abcdef";
const UNREGISTERED = error(
  "redirect_uri_mismatch",
  `idp.example.com doesn't know this redirect address: ${ADDRESS}.`,
  "Register it for the client “notebooks”.",
  ADDRESS,
);
const REFUSED = error(
  "storage_refused",
  "Jupyter stands in a frame of another site here, where the answer of a sign-in window can't come back to it.",
  "Open Jupyter in a tab of its own, and sign in there.",
);
const UNREACHABLE = error(
  "provider_unreachable",
  "idp.example.com gives this browser no answer, so it can't show its sign-in page.",
  "Check the network, or try again when the provider is back.",
);
/** 25 modules wide, as a short address has it. */
const CODE_PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 25 25"><path fill="#fff" d="M0 0h25v25H0z"/><path d="M2 2h7v7H2zM16 2h7v7h-7zM2 16h7v7H2zM11 11h3v3h-3z"/></svg>';

const WIDGET: Record<string, Control> = {
  "signed out": { to: NOTEBOOKS, state: {} },
  "signed out, configured": { to: CORP, state: {} },
  "signed out, labelled": { to: NOTEBOOKS, label: "Our institute's sign-in", state: {} },
  "another's session on offer": { to: CORP, state: { offer: ALICE } },
  waiting: { to: CORP, state: { status: "signing_in" } },
  "popup blocked": { to: CORP, state: { status: "signing_in", window: "blocked" } },
  "asked by a cell": { to: CORP, state: { status: "signing_in", window: "asked" } },
  "left open": { to: NOTEBOOKS, state: { leftOpen: true } },
  "signed in": { to: CORP, state: { status: "signed_in", account: ALICE, renewed: true, expires_in: 3480 } },
  "signed in, to end": { to: CORP, state: { status: "signed_in", account: ALICE, expires_in: 3480 } },
  "signed in, not renewed": {
    to: CORP,
    state: { ...UNREACHABLE, status: "signed_in", account: ALICE, expires_in: 240 },
  },
  "signed in, in the page": { to: CORP, state: { status: "signed_in", account: ALICE, renewed: true, inPage: true } },
  "signed in elsewhere": {
    to: CORP,
    state: { status: "signed_in", account: "Bob Brown", holder: "elsewhere", expires_in: 900 },
  },
  "kernel without a token": { to: CORP, state: { status: "signed_in", account: ALICE, holder: "nobody" } },
  expired: { to: CORP, state: { status: "expired" } },
  "expired, ended by the provider": { to: CORP, state: { status: "expired", ended_by_provider: true } },
  "expired, another's session on offer": { to: CORP, state: { status: "expired", offer: "Bob Brown" } },
  "signed out, at the provider too?": { to: CORP, state: { logout: true, same_person: true } },
  "signed out, the same person": { to: NOTEBOOKS, state: { same_person: true } },
  "lost by a reload": { to: CORP, state: { lost: "reload" } },
  error: { to: NOTEBOOKS, state: UNREGISTERED },
  "error, to be tried again": { to: NOTEBOOKS, state: UNREACHABLE },
  "error, without a window": { to: NOTEBOOKS, state: REFUSED, withoutWindow: () => {} },
  "a code": {
    to: NOTEBOOKS,
    state: {
      status: "signing_in",
      device: {
        user_code: "WDJB-MJHT",
        verification_uri: "https://idp.example.com/device",
        verification_uri_complete: "https://idp.example.com/device?user_code=WDJB-MJHT",
        qr_svg: CODE_PICTURE,
      },
    },
  },
  "an address": {
    to: NOTEBOOKS,
    state: {
      status: "signing_in",
      paste: { authorization_url: "https://idp.example.com/authorize", redirect_uri: ADDRESS },
    },
  },
};

type SidebarRow = Partial<Omit<Row, "choice">> & { label: string; icon?: string; control: Control };
const session = (account: string, ...uses: string[]) =>
  ({ account, uses: uses.map((path) => ({ path, name: path })) }) as unknown as Row["session"];
const SIDEBAR: Record<string, SidebarRow> = {
  "a provider": { label: "Corp", control: WIDGET["signed out, configured"] },
  "a provider that waits": { label: "Corp", control: WIDGET.waiting },
  "a session": { label: "Corp", session: session(ALICE, "analysis.ipynb"), control: WIDGET["signed in"] },
  "a session of long names": {
    label: "Max Planck Institute for Evolutionary Anthropology",
    session: session("Alexandra Konstantinidou-Papadopoulos", "a-very-long-notebook-name-of-2026.ipynb", "b.ipynb"),
    control: {
      to: CORP,
      state: { status: "signed_in", account: "Alexandra Konstantinidou-Papadopoulos", renewed: true },
    },
  },
  "another account": { label: "Corp", another: true, control: WIDGET.waiting },
  "an ended session": { label: "Corp", session: session(ALICE), control: WIDGET["expired, ended by the provider"] },
  "a session signed out of": {
    label: "Corp",
    signedOut: ALICE,
    control: WIDGET["signed out, at the provider too?"],
  },
  "an error": { label: "idp.example.com", control: WIDGET["error, to be tried again"] },
};

function fixed({ state, ...more }: Control): SignInControl {
  return {
    ...more,
    state: { status: "signed_out", at: performance.now(), ...state },
    onChange: () => () => {},
    signIn() {},
    cancel() {},
    signOut() {},
  };
}

function showRow(place: HTMLElement, { label, icon, control, ...row }: SidebarRow): void {
  const actions: RowActions = {
    activeNotebook: () => "analysis.ipynb",
    insertCode() {},
    goTo() {},
    openSettings() {},
    addAccount() {},
    dismiss() {},
  };
  const login = fixed(control) as unknown as VaultLogin; // as far as a view knows it
  const choice = { label, icon } as Row["choice"];
  const list = element("ul", "oidc-rows");
  list.append(new RowView({ key: label, ...row, choice, login }, actions, english).node);
  place.classList.add("oidc-panel");
  place.append(list);
}

/** Puts them into the page: what is named, and beside it the same where it is narrow. */
export function showStates(widths: readonly string[]): void {
  const sheet = element("div", "", { id: "states" });
  sheet.style.cssText = `position: absolute; inset: 0 auto auto 0; z-index: 10000; display: grid; align-items: start;
    gap: 12px 24px; padding: 12px; grid-template-columns: 160px ${widths.join(" ")};
    background: var(--jp-layout-color0); color: var(--jp-ui-font-color2); font-size: 12px`;
  const add = (name: string, show: (place: HTMLElement) => void) => {
    sheet.append(name);
    for (const _ of widths) {
      const place = element("div");
      place.style.minWidth = "0";
      place.style.outline = "1px dotted var(--jp-border-color2)";
      sheet.append(place);
      show(place);
    }
  };
  for (const [name, control] of Object.entries(WIDGET)) {
    add(name, (place) => void new View(place, fixed(control)));
  }
  for (const [name, row] of Object.entries(SIDEBAR)) add(`sidebar: ${name}`, (place) => showRow(place, row));
  document.body.append(sheet);
  for (const more of sheet.querySelectorAll<HTMLElement>(".oidc-more")) more.click();
}
