import type { LinkState } from "../../vault/messages.js";
import type { KernelState } from "./kernel-state.js";

/** What there is to show. */
export interface ShownState extends LinkState {
  /** When `expires_in` was true, in ms of `performance.now()`. */
  at: number;
  /** The kernel's token is good, but nothing in this browser renews it (the page was reloaded, or another one did). */
  unattended?: boolean;
  /** A sign-in that goes on elsewhere (RFC 8628). */
  device?: KernelState["device"];
  /** A sign-in by hand. */
  paste?: KernelState["paste"];
}

/** What a view needs, whoever does the signing in: this page's window, or the kernel by itself (device flow). */
export interface SignInControl {
  readonly state: ShownState;
  /** The browser blocked the window; a click on a link may open it. */
  readonly blocked: boolean;
  /** The sign-out at the provider itself is on offer. */
  readonly canLogOut: boolean;
  onChange(changed: () => void): () => void;
  /** These three are called inside a click. */
  signIn(): void;
  openBlocked(): void;
  logOut(): void;
  cancel(): void;
  signOut(): void;
  /** The address that the person landed on, in a sign-in by hand. */
  paste?(address: string): void;
  /** Use the session that is on offer. */
  accept(): void;
}
