/**
 * What pages and the vault say to each other over a MessagePort. Plain data only.
 *
 * A *link* is one widget model in one kernel that wants a token; its id is the model's id. A *courier* is a
 * page that can reach kernels over their control channel (the labextension).
 */
import type { Problem } from "../oauth/errors.js";
import type { LoginRequest } from "../oauth/request.js";

export type Status = "signed_out" | "signing_in" | "signed_in" | "expired" | "error";

/** What a view shows of a link: no token, and of the account no more than its name. */
export interface LinkState {
  status: Status;
  /** The name to show for the account: `name`, `preferred_username`, `email` or `sub`. */
  account?: string;
  /** Seconds left when the message was made; `undefined`: the provider does not say. */
  expires_in?: number;
  error?: Problem;
  /** The account of a session that this link may use once the person agrees (`confirmSharing`). */
  offer?: string;
  /** Signed out here; the provider has a page to sign out at too, whose address comes when it is asked for. */
  logout?: boolean;
}

/** An authorization request that is ready to be opened inside a click. */
export interface Prepared {
  /** Names the request without giving away its `state`. */
  id: string;
  url: string;
}

export interface LinkOptions {
  /** False for a row of the sidebar, which shows a session but hands its token to nobody. */
  kernel?: boolean;
  auto_refresh: boolean;
  share_id_token: boolean;
  label?: string | null;
}

/** A session as the sidebar lists it. */
export interface SessionInfo {
  session_id: string;
  account: string;
  lifetime?: number;
  request: LoginRequest;
  subject: string;
  /** What the provider may know the account by. */
  login_hint?: string;
  uses: Place[];
}

/** Where a widget lives, as the courier that brought it something found it. */
export interface Place {
  /** The notebook's or console's path on the server. */
  path: string;
  name: string;
}

export interface VaultSettings {
  confirmSharing: boolean;
  /** Hours to stay signed in across reloads of the only tab; 0: never. */
  persistHours: number;
}

/** How the vault reaches the Jupyter server that relays token requests; a page passes on what it has. */
export interface ServerAccess {
  baseUrl: string;
  headers: Record<string, string>;
}

/** Kernel-bound messages: `{link_id, event, payload}`, as they go over either lane. */
export interface Delivery {
  link_id: string;
  event: "token" | "status" | "answer" | "page" | "facts";
  /** `seq` counts per link and vault; the kernel drops what it has seen. */
  payload: { seq: number; vault: string } & Record<string, unknown>;
}

export type DeliveryResult = "delivered" | "failed" | "not_mine";

export type ToVault =
  | { type: "hello"; page_id: string; courier: boolean }
  | { type: "server"; server: ServerAccess }
  | { type: "bye" }
  | { type: "settings"; settings: VaultSettings }
  | { type: "link"; link_id: string; request: LoginRequest; forward_to?: string; options: LinkOptions }
  | { type: "unlink"; link_id: string }
  | { type: "begin"; link_id: string; prepared_id?: string }
  | { type: "cancel"; link_id: string }
  | { type: "window_closed"; link_id: string; problem?: Problem }
  | { type: "accept"; link_id: string }
  | { type: "sign_out"; link_id: string }
  /** A window was opened for the provider's sign-out page. */
  | { type: "log_out"; link_id: string }
  | { type: "refresh"; link_id: string; id?: string; resource?: string | null; scopes?: string[] | null }
  | { type: "tell_kernel"; link_id: string; event: "page" | "facts"; payload: Record<string, unknown> }
  | { type: "result"; delivery: number; result: DeliveryResult; kernel_id?: string; place?: Place }
  /** The sidebar was opened: it wants to know what there is. */
  | { type: "list_sessions" }
  | { type: "wake" };

export type FromVault =
  | { type: "welcome"; vault_id: string }
  | { type: "state"; link_id: string; state: LinkState }
  | { type: "prepared"; link_id: string; prepared: Prepared }
  /** The answer to `begin`; with an address where the page had none prepared. */
  | { type: "opened"; link_id: string; url?: string; failure?: Problem }
  | { type: "deliver"; delivery: number; message: Delivery; kernel_id?: string }
  | { type: "sessions"; sessions: SessionInfo[] }
  /** The answer to `log_out`: the address holds the ID token, so it is given to who opens it, once. */
  | { type: "logout_url"; link_id: string; url?: string };

/** The half of a MessagePort that both sides need; tests put their own in its place. */
export interface Port<Out> {
  postMessage(message: Out): void;
}

/** What belongs to one Jupyter server: those of one origin (JupyterHub) are told apart by the path of our files there. */
export const scopeOf = (filesUrl: string) => `oidc-widget ${new URL(filesUrl).pathname}`;

/** Web Locks that are held for as long as their holder lives, so that the other side learns of a crash. */
export const pageLock = (pageId: string) => `oidc-widget:page:${pageId}`;
export const vaultLock = (vaultId: string) => `oidc-widget:vault:${vaultId}`;

/**
 * Holds a lock until this page or worker is gone. Wait for it before the other side is told the name: it takes a lock
 * that nobody holds yet as a sign that its holder has died.
 */
export function holdLock(name: string, until?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (!navigator.locks) resolve(); // no secure context: the other side does not ask for it either
    void navigator.locks?.request(name, () => {
      resolve();
      if (until?.aborted) return;
      return new Promise((release) => until?.addEventListener("abort", release));
    });
  });
}
