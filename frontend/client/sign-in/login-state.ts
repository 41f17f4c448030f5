/**
 * How a sign-in stands in this page, as a function of what happened: no window, no message, no clock in here.
 * `vault-login.ts` opens windows and sends messages by what it finds in the state.
 */
import type { Problem } from "../../oauth/errors.js";
import type { LinkState, Prepared } from "../../vault/messages.js";
import type { Loss } from "../signed-in-note.js";
import type { KernelState } from "./kernel-state.js";
import type { ShownState } from "./sign-in-control.js";

/**
 * What became of the window of a sign-in. `empty`: open, and still this page's, until there is an address. `sent`: it
 * was sent to the provider. `blocked`: the browser lets none open. `asked`: a kernel asks for the sign-in, and nothing
 * but a click of the person opens a window.
 */
export type SignInWindow = "empty" | "sent" | "blocked" | "asked";

/** A sign-in that was begun in this page. */
export interface Attempt {
  readonly window: SignInWindow;
  /** Where it goes on, while no window was sent there. */
  readonly target?: Target;
  /** Until the vault has answered, its states are from before it heard of this. */
  readonly told: "not yet" | "on its way" | "answered";
}

export interface Target {
  readonly url: string;
  /** The server's administrator vouches for the issuer; the vault has asked the server itself. */
  readonly configured: boolean;
}

export interface LoginState {
  /** Counts attempts, so that what comes late is not taken for the next one's. */
  readonly count: number;
  readonly attempt?: Attempt;
  /** The next authorization request, ready to be opened inside a click. */
  readonly prepared?: Prepared;
  /** The vault's last word. */
  readonly link: LinkState;
  /** When it came, in ms of `performance.now()`. */
  readonly at: number;
  /** What went wrong in this page: no vault, no server, no such provider. */
  readonly problem?: Problem;
  /** The kernel's last word, and when it came. */
  readonly kernel?: KernelState & {
    readonly at: number;
    /** It had a token since the vault brought it one: that it has none now is news, and not from before. */
    readonly had: boolean;
  };
  /** The browser lost the session that this tab had. */
  readonly lost?: Loss;
  /** Nothing here can close the window of a sign-in that was cancelled. */
  readonly leftOpen: boolean;
}

export type LoginEvent =
  /** A click, or a kernel's wish; whoever tells of it has opened the window already, inside the click. */
  | { type: "begun"; window: SignInWindow; target?: Target }
  /** The window was opened later, by the link. */
  | { type: "window"; window: SignInWindow }
  | { type: "told" }
  | { type: "opened"; target?: Target }
  /** @param leftOpen the window may still be there, out of this page's reach */
  | { type: "cancelled"; leftOpen: boolean }
  | { type: "signed_out" }
  | { type: "log_out" }
  /** There is a vault. `lost`: another one than this tab was signed in with. */
  | { type: "connected"; lost?: Loss }
  | { type: "failed"; problem: Problem }
  | { type: "prepared"; prepared: Prepared }
  | { type: "state"; state: LinkState; at: number }
  | { type: "kernel"; kernel: KernelState; at: number };

export const INITIAL: LoginState = {
  count: 0,
  link: { status: "signed_out" },
  at: 0,
  leftOpen: false,
};

export function reduce(state: LoginState, event: LoginEvent): LoginState {
  switch (event.type) {
    case "begun":
      return {
        ...state,
        count: state.count + 1,
        attempt: { window: event.window, target: event.target, told: "not yet" },
        prepared: undefined, // each is good for one sign-in
        problem: undefined,
        leftOpen: false,
      };
    case "window":
      return withAttempt(state, { window: event.window });
    case "told":
      return withAttempt(state, { told: "on its way" });
    case "opened":
      return withAttempt(state, { told: "answered", ...(event.target && { target: event.target }) });
    case "cancelled":
      return {
        ...state,
        count: state.count + 1,
        attempt: undefined,
        problem: undefined,
        link: { status: "signed_out" },
        leftOpen: event.leftOpen,
      };
    case "signed_out":
      return { ...state, kernel: undefined, lost: undefined, prepared: undefined }; // it would ask nobody who it is
    case "log_out":
      return { ...state, link: { ...state.link, logout: false } };
    case "connected":
      return {
        // The vault that was told of it has died, and another one will not hear of it.
        ...(state.attempt?.told === "on its way" ? withAttempt(state, { told: "answered" }) : state),
        prepared: undefined, // so does nobody wait for the answer to what that one had prepared
        lost: event.lost,
      };
    case "failed":
      return { ...state, attempt: undefined, problem: event.problem };
    case "prepared":
      return { ...state, prepared: event.prepared };
    case "state":
      return afterState(state, event.state, event.at);
    case "kernel":
      return { ...state, kernel: { ...event.kernel, at: event.at, had: had(state.kernel) } };
  }
}

const had = (kernel: LoginState["kernel"]) => kernel !== undefined && (kernel.had || kernel.status === "signed_in");

function withAttempt(state: LoginState, changes: Partial<Attempt>): LoginState {
  return state.attempt ? { ...state, attempt: { ...state.attempt, ...changes } } : state;
}

function afterState(state: LoginState, link: LinkState, at: number): LoginState {
  if (state.attempt && state.attempt.told !== "answered") return state;
  const before = state.link;
  // A session that the vault brings or ends is news to the kernel: what it said before is no more.
  const news = link.status !== before.status || link.account !== before.account;
  const session = isSession(link) || isSession(before);
  return {
    ...state,
    link,
    at,
    problem: undefined,
    attempt: link.status === "signing_in" ? state.attempt : undefined,
    kernel: news && session ? undefined : state.kernel,
    lost: isSession(link) ? undefined : state.lost,
    leftOpen: state.leftOpen && link.status === "signed_out",
  };
}

const isSession = ({ status }: LinkState) => status === "signed_in" || status === "expired";

/** What there is to show. */
export function shown(state: LoginState): ShownState {
  const { attempt, problem, link, at, lost, leftOpen } = state;
  if (problem) return { status: "error", error: problem, at };
  if (attempt) {
    const window = attempt.window === "blocked" || attempt.window === "asked" ? attempt.window : undefined;
    return { ...link, status: "signing_in", error: undefined, window, at };
  }
  const own: ShownState = { ...link, at, leftOpen, lost: link.status === "signed_out" ? lost : undefined };
  return { ...own, ...held(state) };
}

/** What the kernel has, where that is not what this page's vault has brought it. */
function held({ link, kernel, lost }: LoginState): Partial<ShownState> {
  if (!kernel || link.status === "signing_in" || link.offer) return {};
  const account = kernel.account ?? undefined;
  // Of a token that is renewed the kernel does not say each time how long it lives; of the last one it has.
  const left = lost || !kernel.renewed ? kernel.expires_in : undefined;
  const token = { account, expires_in: left ?? undefined, at: kernel.at };
  if (link.status === "signed_out" && kernel.status === "signed_in") {
    return lost ? token : { ...token, status: "signed_in", holder: "elsewhere" };
  }
  if (link.status !== "signed_in") return {};
  if (kernel.status === "signed_out") return kernel.had ? { holder: "nobody" } : {};
  const another = kernel.status === "signed_in" && account !== undefined && account !== link.account;
  return another ? { ...token, holder: "elsewhere" } : {};
}

/** The kernel has heard of a sign-in in a window, and nothing of its end: it came with a vault that is gone. */
export function waitsInVain({ attempt, link, kernel }: LoginState): boolean {
  if (attempt || kernel?.status !== "signing_in" || kernel.device || kernel.paste) return false;
  return link.status === "signed_out" || link.status === "error";
}
