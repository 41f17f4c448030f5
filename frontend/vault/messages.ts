/**
 * What pages and the vault say to each other over a MessagePort. Plain data only; `guards.ts` checks what comes in.
 *
 * A *port* has one role, which it says in `hello`, and may say only what belongs to that role (`roles.ts`):
 *
 * - `widget`: one widget model. A `link` there is for the kernel that the model lives in.
 * - `sidebar`: the list of sign-ins. A `link` there shows a session, and never hands out a token.
 * - `delivery`: a page that reaches kernels over their control channel (the labextension).
 *
 * A *link* is known to the vault by its role, its kernel and its id together, and each port reaches only the links that
 * it made itself. So nothing that a kernel chooses (its model's id is one such thing) leads to another's link.
 *
 * Who owns a widget link: the page says which kernel the model lives in, as its widget manager knows it; a kernel has no
 * say in that. A token goes to this kernel alone, over its control channel, or over the comm of a port that named the
 * same kernel. Where a page can't tell the kernel, the link is that one port's own, and its comm is the only lane.
 */
import type { Problem } from "../oauth/errors.js";
import type { LoginRequest } from "../oauth/request.js";

export type Status = "signed_out" | "signing_in" | "signed_in" | "expired" | "error";

export type Role = "widget" | "sidebar" | "delivery";

/** What a widget was made with, or what a row of the sidebar stands for. The vault finds out the rest. */
export interface Wanted {
  authority: string | null;
  client_id: string | null;
  /** The name of a provider that the server's administrator configured. */
  provider: string | null;
  scopes: string[];
  resource: string | null;
  audience: string | null;
  extra_params: Record<string, string>;
  redirect_uri: string | null;
}

/** What `OIDCLogin` asks for unless told otherwise; then a configured provider's own scopes take their place. */
export const DEFAULT_SCOPES = ["openid", "profile", "email"];

/** A configured provider's name is enough. */
export const NOTHING_WANTED: Wanted = {
  authority: null,
  client_id: null,
  provider: null,
  scopes: DEFAULT_SCOPES,
  resource: null,
  audience: null,
  extra_params: {},
  redirect_uri: null,
};

export interface LinkOptions {
  auto_refresh: boolean;
  share_id_token: boolean;
  /** The notebook's own word for the provider: the page shows it beside the host, never instead. */
  label?: string | null;
}

/** What a view shows of a link: no token, and of the account no more than its name. */
export interface LinkState {
  status: Status;
  /** The name to show for the account: `name`, `preferred_username`, `email` or `sub`. */
  account?: string;
  /** Seconds left when the message was made; `undefined`: the provider does not say. */
  expires_in?: number;
  /** The token will be renewed by itself: what is left of its life is the end of nothing. */
  renewed?: boolean;
  /** `expired`: the provider does not accept the sign-in any more, and only a new one helps. */
  ended_by_provider?: boolean;
  error?: Problem;
  /** What was asked for came back otherwise (a resource, an audience): the token is there all the same. */
  warning?: Problem;
  /** The account of a session that this link may use once the person agrees (`confirmSharing`). */
  offer?: string;
  /** Signed out here, and the provider can't be asked to ask who it is: the next sign-in may be the same person's. */
  same_person?: boolean;
  /** Signed out here; the provider has a page to sign out at too, whose address comes when it is asked for. */
  logout?: boolean;
}

/** Whom a link signs in at, as the vault found out. */
export interface LinkedTo {
  /** The exact address to register with the provider. */
  redirect_uri: string;
  /** The administrator's word for a configured provider: the only label that may stand alone. */
  label?: string;
  /** The issuer's host with its port: what to show where there is no `label`. */
  host: string;
  /** The administrator vouches for the issuer, however the notebook names it. */
  configured: boolean;
  /** The complete request, for diagnosis. */
  request: LoginRequest;
}

/** An authorization request that is ready to be opened inside a click. */
export interface Prepared {
  /** Names the request without giving away its `state`. */
  id: string;
  url: string;
  /** False: cut the window's `opener` in the task that sends it there, so that the provider can't move this page. */
  configured: boolean;
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
  label?: string;
  host: string;
  configured: boolean;
  uses: Place[];
}

/** Where a widget lives, as the page that brought it something found it. */
export interface Place {
  /** The notebook's or console's path on the server. */
  path: string;
  name: string;
}

export interface VaultSettings {
  confirmSharing: boolean;
}

/** Kernel-bound messages: `{link_id, event, payload}`, as they go over either lane. `link_id` is the model's id. */
export interface Delivery {
  link_id: string;
  event: "token" | "status" | "answer" | "page" | "facts";
  /** `seq` counts per link and vault; the kernel drops what it has seen. */
  payload: { seq: number; vault: string } & Record<string, unknown>;
}

/** `not_mine`: this page has no connection to that kernel, or the kernel does not know the link. */
export type DeliveryResult = "delivered" | "failed" | "not_mine";

/** By `link_id` a port means the link that it made under this name. */
export type ToVault =
  /**
   * `page_id`: names the page's lock, `null` where the browser grants it none (`holdLock`). `headers`: what the Jupyter
   * server asks of requests (`Authorization`, `X-XSRFToken`); its address the vault knows.
   */
  | { type: "hello"; page_id: string | null; role: Role; headers: Record<string, string> }
  | { type: "server"; headers: Record<string, string> }
  | { type: "bye" }
  | { type: "wake" }
  // widget and sidebar
  /** `kernel_id`: of a widget, as its widget manager knows it. `account`: of a row of the sidebar, the subject. */
  | {
      type: "link";
      link_id: string;
      wanted: Wanted;
      options: LinkOptions;
      kernel_id?: string | null;
      account?: string | null;
    }
  /** @property gone the widget's kernel was started anew, and knows nothing of it any more */
  | { type: "unlink"; link_id: string; gone?: boolean }
  | { type: "begin"; link_id: string; prepared_id?: string }
  | { type: "cancel"; link_id: string }
  | { type: "window_closed"; link_id: string; problem?: Problem }
  | { type: "accept"; link_id: string }
  | { type: "sign_out"; link_id: string }
  /** A window was opened for the provider's sign-out page. */
  | { type: "log_out"; link_id: string }
  // widget alone
  | { type: "refresh"; link_id: string; id?: string; resource?: string | null; scopes?: string[] | null }
  | { type: "tell_kernel"; link_id: string; event: "page" | "facts"; payload: Record<string, unknown> }
  /** The kernel waits for a sign-in that nobody goes on with: the vault that told it so is gone. */
  | { type: "tell_again"; link_id: string }
  // delivery alone; `signed_out`: the token was of a session that the kernel has signed out of
  | { type: "result"; delivery: number; result: DeliveryResult; place?: Place; signed_out?: boolean }
  // sidebar and delivery
  | { type: "settings"; settings: VaultSettings }
  /** The person lets terminals of the Jupyter server have access tokens, for as long as a page is there that says so. */
  | { type: "terminals"; allowed: boolean }
  // sidebar alone: it was opened, and wants to know what there is
  | { type: "list_sessions" };

export type FromVault =
  /** `locked`: the vault holds its lock, so that who gets that lock knows the vault to be gone. */
  | { type: "welcome"; vault_id: string; locked: boolean }
  /** The answer to `link`, as soon as the provider is known; else its `state` says what is wrong. */
  | ({ type: "linked"; link_id: string } & LinkedTo)
  | { type: "state"; link_id: string; state: LinkState }
  | { type: "prepared"; link_id: string; prepared: Prepared }
  /** The answer to `begin`; with an address where the page had none prepared. */
  | { type: "opened"; link_id: string; url?: string; configured?: boolean; failure?: Problem }
  /**
   * To a `delivery` port: send it to kernel `kernel_id` and no other; with `visit`, connect to it if need be. To a
   * `widget` port, with `delivery: 0`: send it over the model's comm.
   */
  | { type: "deliver"; delivery: number; message: Delivery; kernel_id?: string; visit?: boolean }
  | { type: "sessions"; sessions: SessionInfo[] }
  /** The answer to `log_out`, to who asks first. */
  | { type: "logout_url"; link_id: string; url?: string };

/** The half of a MessagePort that both sides need; tests put their own in its place. */
export interface Port<Out> {
  postMessage(message: Out): void;
}

/** What belongs to one Jupyter server: those of one origin (JupyterHub) are told apart by the path of our files there. */
export const scopeOf = (filesUrl: string) => `oidc-widget ${new URL(filesUrl).pathname}`;

/**
 * How a page makes the SharedWorker. It outlives its pages (`extendedLifetime`), so that a reload ends no session, and
 * its name says so: a browser refuses two constructors for one name whose options differ. An upgrade has another name,
 * and so never talks to an old vault.
 */
export const vaultOptions = (version: string): WorkerOptions & { extendedLifetime: true } => ({
  type: "module",
  name: `oidc-widget ${version} extended`,
  extendedLifetime: true,
});

/** Web Locks that are held for as long as their holder lives, so that the other side learns of a crash. */
export const pageLock = (pageId: string) => `oidc-widget:page:${pageId}`;
export const vaultLock = (vaultId: string) => `oidc-widget:vault:${vaultId}`;

/**
 * Holds a lock until this page or worker is gone. Wait for it before the other side is told the name: it takes a lock
 * that nobody holds yet as a sign that its holder has died.
 *
 * @returns whether the browser grants locks; where cookies are refused, it rejects every request
 */
export function holdLock(name: string, until?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (!navigator.locks) resolve(false); // no secure context: the other side does not ask for it either
    navigator.locks
      ?.request(name, () => {
        resolve(true);
        if (until?.aborted) return;
        return new Promise((release) => until?.addEventListener("abort", release));
      })
      .catch(() => resolve(false));
  });
}
