import type { ShownState, SignInControl } from "../client/sign-in/sign-in-control.js";
import type { ErrorCode, Problem, Sentence } from "../oauth/errors.js";

/** The second half of a class name in the style sheet. */
export type Icon = "on" | "off" | "busy" | "warning";

/** What the line says of a state; in which words exactly, and in which nodes, is the view's. */
export interface Line {
  icon?: Icon;
  /** Announced when it changes. */
  status?: Sentence;
  /** Until when the token at hand lives, in seconds, for a tooltip: it is renewed by itself. */
  renewedWithin?: number;
  /** Seconds left, where that is the end of something; shown and counted down, but not announced. */
  left?: number;
  /** Said after the status, for the eye only. */
  note?: Sentence;
  /** An alert. */
  problem?: Problem;
  /** What `Details` unfolds besides the code. */
  details?: Problem;
  buttons: [label: Sentence, run: () => void, primary?: boolean][];
  link?: [label: Sentence, open: () => void];
}

/** Nothing that a click can do again mends these: what was written, or what is set, has to be changed. */
const FINAL: ReadonlySet<ErrorCode> = new Set(["invalid_authority", "invalid_configuration", "storage_refused"]);
/** No window could come back to this page, so the kernel's own way is on offer. */
const WINDOWLESS: ReadonlySet<ErrorCode> = new Set(["server_unavailable", "storage_refused", "vault_unavailable"]);
/** These pass by themselves, or need no more than another try. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "provider_unreachable",
  "token_endpoint_unreachable",
  "keys_unavailable",
  "access_denied",
  "expired_token",
  "invalid_grant",
  "state_mismatch",
  "timeout",
  "sign_in_failed",
  "vault_unavailable",
]);

export function lineOf(login: SignInControl): Line {
  const { state } = login;
  const { status, error, offer } = state;
  switch (status) {
    case "signing_in":
      return waiting(login);
    case "signed_in":
      return state.holder ? heldElsewhere(login) : signedIn(login);
    case "expired":
      return {
        icon: "off",
        status: ended(state) ? ["Signed out by the provider"] : ["The sign-in has expired"],
        details: error,
        buttons: offer ? [accept(login, offer), signIn(login, false)] : [signIn(login)],
      };
    case "error":
      return { icon: "warning", problem: error, details: error, buttons: error ? afterError(login, error) : [] };
  }
  if (offer) return { buttons: [accept(login, offer)] };
  return signedOut(login);
}

function signedIn(login: SignInControl): Line {
  const { state } = login;
  const { account, expires_in, error, warning, renewed } = state;
  let note = inPage(state);
  if (error) note = ["not renewed at the moment"];
  else if (warning) note = ["not all is as asked for"];
  return {
    icon: "on",
    status: account ? ["Signed in as %1", account] : ["Signed in"],
    note,
    details: error ?? warning,
    ...(renewed && !error ? { renewedWithin: expires_in } : { left: expires_in }),
    buttons: [signOut(login)],
  };
}

function waiting(login: SignInControl): Line {
  const { device, paste, window } = login.state;
  const host = login.to?.host;
  let status: Sentence = ["Waiting for the sign-in window …"];
  if (device) status = ["Waiting until the code is entered …"];
  else if (paste) status = ["Waiting for the address you land on …"];
  else if (window === "blocked") status = ["The browser blocked the sign-in window."];
  else if (window === "asked")
    status = host ? ["A cell asks you to sign in at %1.", host] : ["A cell asks you to sign in."];
  return {
    icon: "busy",
    status,
    link: window && [["Open sign-in page"], () => login.openWindow?.()],
    buttons: [[["Cancel"], () => login.cancel()]],
  };
}

/** The kernel has a token that is not of this browser's session, or none. */
function heldElsewhere(login: SignInControl): Line {
  const { account, holder, expires_in } = login.state;
  if (holder === "nobody") {
    return {
      icon: "off",
      status: account
        ? ["%1 is signed in in this browser; the kernel has no token", account]
        : ["The kernel has no token"],
      buttons: [signIn(login), signOut(login)],
    };
  }
  return {
    icon: "on",
    status: account ? ["Signed in as %1", account] : ["Signed in"],
    note: ["in another browser"],
    left: expires_in,
    buttons: [signIn(login, false)],
  };
}

function signedOut(login: SignInControl): Line {
  const { state } = login;
  const buttons = [signIn(login)];
  if (state.logout) buttons.push([["Sign out at the provider too"], () => login.logOut?.()]);
  if (state.lost) {
    return {
      icon: "off",
      status: [
        state.lost === "reload" ? "The sign-in ended when this page was reloaded" : "The browser ended the sign-in",
      ],
      left: state.expires_in,
      buttons,
    };
  }
  if (state.leftOpen) {
    return { icon: "off", status: ["Cancelled. Close the sign-in window yourself."], buttons };
  }
  if (state.same_person) {
    // The second button says the rest, where there is one.
    const how: Sentence = ["to become somebody else, sign out at the provider too"];
    return { icon: "off", status: ["Signed out here only"], note: state.logout ? undefined : how, buttons };
  }
  // The host alone stands on the button: what a notebook calls it is nobody's word but the notebook's.
  const { to, label } = login;
  if (state.logout) return { icon: "off", status: ["Signed out"], buttons };
  return { note: label && to?.configured === false ? ["%1", label] : inPage(state), buttons };
}

/** With no SharedWorker, this page's other scripts run where the sign-ins are kept. */
function inPage({ inPage }: ShownState): Sentence | undefined {
  return inPage ? ["kept in this page, within reach of its other scripts"] : undefined;
}

function ended({ ended_by_provider, error }: ShownState): boolean {
  return ended_by_provider ?? error?.code === "invalid_grant";
}

function signIn(login: SignInControl, primary = true): Line["buttons"][number] {
  const { to } = login;
  let label: Sentence = ["Sign in"];
  if (to?.configured && to.label) label = ["Sign in to %1", to.label];
  else if (to?.host) label = ["Sign in at %1", to.host];
  return [label, () => login.signIn(), primary];
}

function accept(login: SignInControl, account: string): Line["buttons"][number] {
  const { to } = login;
  const where = to?.configured && to.label ? to.label : to?.host;
  const label: Sentence = where ? ["Use session of %1 at %2", account, where] : ["Use session of %1", account];
  return [label, () => login.accept?.(), true];
}

const signOut = (login: SignInControl): Line["buttons"][number] => [["Sign out"], () => login.signOut()];

function afterError(login: SignInControl, { code }: Problem): Line["buttons"] {
  const { withoutWindow } = login;
  const buttons: Line["buttons"] = FINAL.has(code) ? [] : [[["Try again"], () => login.signIn(), PASSING.has(code)]];
  if (withoutWindow && WINDOWLESS.has(code)) buttons.push([["Sign in without a window"], withoutWindow]);
  return buttons;
}
