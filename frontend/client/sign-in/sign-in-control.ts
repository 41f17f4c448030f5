import type { LinkedTo, LinkState } from "../../vault/messages.js";
import type { Loss } from "../signed-in-note.js";
import type { KernelState } from "./kernel-state.js";

/** What there is to show. */
export interface ShownState extends LinkState {
  /** When `expires_in` was true, in ms of `performance.now()`. */
  at: number;
  /** Why a sign-in under way has no window: the browser blocked it, or a kernel asks and nobody has clicked yet. */
  window?: "blocked" | "asked";
  /** A sign-in was cancelled whose window nothing here can close. */
  leftOpen?: boolean;
  /** The browser lost the session: this tab was signed in, and its vault is gone. `account`, `expires_in`: the kernel's. */
  lost?: Loss;
  /** The kernel's token came from `elsewhere`, or it has none (`nobody`), whatever this page's vault has. */
  holder?: "elsewhere" | "nobody";
  /** The vault is in this page, for want of a SharedWorker. */
  inPage?: boolean;
  /** A sign-in that goes on elsewhere (RFC 8628). */
  device?: KernelState["device"];
  /** A sign-in by hand. */
  paste?: KernelState["paste"];
}

/** What a view needs, whoever does the signing in: this page's window, or the kernel by itself (device flow). */
export interface SignInControl {
  readonly state: ShownState;
  /** Whom one signs in at, as far as it is known. */
  readonly to?: Partial<Pick<LinkedTo, "host" | "label" | "configured">>;
  /** What a notebook, or the person's own settings, call it. */
  readonly label?: string | null;
  onChange(changed: () => void): () => void;
  /** This one and the next three are called inside a click. */
  signIn(): void;
  /** What the link `Open sign-in page` does. */
  openWindow?(): void;
  /** The sign-out at the provider itself (OpenID Connect RP-Initiated Logout). */
  logOut?(): void;
  /** Use the session that is on offer. */
  accept?(): void;
  /** Sign in by a code that is entered elsewhere (RFC 8628), where no window can come back to this page. */
  withoutWindow?: () => void;
  cancel(): void;
  signOut(): void;
  /** The address that the person landed on, in a sign-in by hand. */
  paste?(address: string): void;
}
