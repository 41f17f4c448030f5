import type { Problem } from "../../oauth/errors.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { Delivery, LinkedTo, LinkOptions, LinkState, Prepared, ToVault, Wanted } from "../../vault/messages.js";
import { problemOf } from "../oidc-error.js";
import type { VaultClient, VaultListener } from "../vault-client.js";
import type { KernelState } from "./kernel-state.js";
import { closeSignInWindow, onWindowClosed, openSignInWindow } from "./popup.js";
import type { ShownState, SignInControl } from "./sign-in-control.js";

/** How long a window may be open before somebody asks the provider what it shows there, in ms. */
const STALLED_AFTER = 2000;

export interface LoginSetup {
  wanted: Wanted;
  kernel_id?: string | null;
  account?: string | null;
}

/** One link as this page sees it: what to show, and what a click does. */
export class Login implements SignInControl {
  blocked = false;
  /** Kernel-bound messages that go by the widget's own comm. */
  onDeliver?: (message: Delivery) => void;
  /** The vault knows of this link; `setup` is what it was asked for. */
  onLinked?: (linked: LinkedTo) => void;
  /** It is not even known what to ask for, so the vault has nothing to tell the kernel. */
  onFailed?: (problem: Problem) => void;
  /**
   * The window is open for a while, or was closed, and nobody is signed in: the provider may show an error page of its
   * own, which this page can't see. Whoever can find out why calls {@link explain} with the same attempt.
   */
  onStalled?: (attempt: number, request: LoginRequest) => void;

  readonly id: string;
  readonly #vault: VaultClient;
  readonly #setUp: () => Promise<LoginSetup>;
  readonly #options: LinkOptions;
  readonly #changed = new Set<() => void>();
  readonly #disposers: (() => void)[];
  #state: ShownState = { status: "signed_out", at: 0 };
  #kernel?: KernelState & { at: number };
  #linked?: Promise<void>;
  #prepared?: Prepared;
  #popup?: Window | null;
  #logoutWindow?: Window;
  /** Where the sign-in under way goes on, while no window could be opened for it. */
  #blockedUrl?: string;
  /** Counts the clicks, so that an explanation that comes late is not taken for the next attempt's. */
  #attempt = 0;
  /** The attempt whose window was closed. */
  #closedIn?: number;
  #request?: LoginRequest;
  /**
   * From a click until the vault answers it: states from before the click may still come in. `told`: it is on its way
   * to this vault; another vault will not hear of it.
   */
  #starting: "clicked" | "told" | false = false;
  #stopLooking?: () => void;

  /** @param setUp finds out what to ask for; asked again when it failed and the person tries again */
  constructor(vault: VaultClient, id: string, setUp: () => Promise<LoginSetup>, options: LinkOptions) {
    this.#vault = vault;
    this.id = id;
    this.#setUp = setUp;
    this.#options = options;
    this.#disposers = [vault.listen((message) => this.#receive(message)), vault.onConnected(() => void this.#link())];
  }

  get state(): ShownState {
    const kernel = this.#kernel;
    const idle = this.#state.status === "signed_out" && !this.#state.offer;
    if (!idle || kernel?.status !== "signed_in") return this.#state;
    const { status, account, expires_in, at } = kernel;
    return { status, account: account ?? undefined, expires_in: expires_in ?? undefined, at, unattended: true };
  }

  get canLogOut(): boolean {
    return this.#state.logout === true;
  }

  /** What the kernel said of itself. */
  set kernel(kernel: KernelState) {
    if (this.#state.status === "signed_in" || this.#state.status === "expired") return; // the vault knows better
    this.#kernel = { ...kernel, at: performance.now() };
    this.#notify();
  }

  onChange(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  /** Call it inside a click. */
  signIn(): void {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    this.#popup = openSignInWindow(prepared?.url ?? "about:blank");
    if (this.#popup && prepared && !prepared.configured) this.#popup.opener = null;
    this.blocked = this.#popup === null;
    this.#blockedUrl = this.blocked ? prepared?.url : undefined;
    this.#starting = "clicked";
    this.#attempt += 1;
    const attempt = this.#attempt;
    setTimeout(() => {
      if (attempt === this.#attempt && this.#state.status === "signing_in" && !this.blocked) this.#tellStalled();
    }, STALLED_AFTER);
    this.#show({ ...this.#state, status: "signing_in", error: undefined });
    this.#look();
    this.#vault.introduceServer();
    this.#ready().then(
      () => {
        if (attempt !== this.#attempt) return; // cancelled meanwhile
        this.#starting = "told";
        this.#send({ type: "begin", link_id: this.id, prepared_id: prepared?.id });
      },
      () => this.#closeWindow(), // the reason is on show
    );
  }

  /** What the link `Open sign-in page` does. */
  openBlocked(): void {
    const url = this.#blockedUrl;
    if (!url) {
      this.signIn();
      return;
    }
    this.#popup = open(url, "_blank");
    this.blocked = this.#popup === null;
    if (!this.blocked) this.#blockedUrl = undefined;
    this.#look();
    this.#notify();
  }

  cancel(): void {
    this.#attempt += 1;
    this.#closeWindow();
    this.#send({ type: "cancel", link_id: this.id });
    this.#starting = false;
    this.#show({ ...this.#state, status: "signed_out", error: undefined });
  }

  signOut(): void {
    this.#closeWindow();
    this.#kernel = undefined;
    this.#send({ type: "sign_out", link_id: this.id });
  }

  /** OpenID Connect RP-Initiated Logout; call it inside a click. */
  logOut(): void {
    const popup = openSignInWindow("about:blank");
    if (!popup) return;
    this.#logoutWindow = popup;
    this.#show({ ...this.#state, logout: false });
    this.#ready().then(
      () => this.#send({ type: "log_out", link_id: this.id }),
      () => closeSignInWindow(popup), // the reason is on show
    );
  }

  accept(): void {
    this.#send({ type: "accept", link_id: this.id });
  }

  refresh(wanted: { id?: string; resource?: string | null; scopes?: string[] | null }): void {
    this.#send({ type: "refresh", link_id: this.id, ...wanted });
  }

  tellKernel(payload: Record<string, unknown>, event: "page" | "facts" = "page"): void {
    this.#send({ type: "tell_kernel", link_id: this.id, event, payload });
  }

  /** Says why the provider does not send the person back. The window stays open, and an answer still counts. */
  explain(problem: Problem, attempt: number): void {
    const open = this.#state.status === "signing_in" || this.#state.status === "signed_out";
    if (attempt !== this.#attempt || !open) return;
    this.#stopLooking?.();
    this.#send({ type: "window_closed", link_id: this.id, problem });
  }

  dispose(): void {
    this.#stopLooking?.();
    this.#send({ type: "unlink", link_id: this.id });
    for (const dispose of this.#disposers) dispose();
    this.#changed.clear();
  }

  /** Ends when the vault knows of this link. */
  async #ready(): Promise<void> {
    if (!(await this.#vault.connect())) throw new Error("no vault");
    await (this.#linked ?? this.#link());
  }

  #link(): Promise<void> {
    if (this.#starting === "told") this.#starting = false; // the vault that was told has died
    const linked = this.#setUp().then((setup) => {
      this.#send({ type: "link", link_id: this.id, ...setup, options: this.#options });
    });
    this.#linked = linked;
    linked.catch((failure) => {
      this.#linked = undefined;
      this.#fail(problemOf(failure));
    });
    return linked;
  }

  #receive(message: Parameters<VaultListener>[0]): void {
    if (message.type === "unavailable") this.#fail(message.problem);
    if (!("link_id" in message) || message.link_id !== this.id) {
      if (message.type === "deliver" && message.delivery === 0 && message.message.link_id === this.id) {
        this.#deliver(message.message);
      }
      return;
    }
    switch (message.type) {
      case "state":
        if (!this.#starting) this.#receiveState(message.state);
        return;
      case "linked":
        this.#request = message.request;
        this.onLinked?.(message);
        return;
      case "prepared":
        this.#prepared = message.prepared;
        return;
      case "opened":
        this.#starting = false;
        if (message.url) this.#sendOn(message.url, message.configured === true);
        else if (message.failure) this.#closeWindow();
        return;
      case "logout_url":
        this.#sendToLogout(message.url);
        return;
    }
  }

  #receiveState(state: LinkState): void {
    const { status } = state;
    // The session is the vault's: whatever the kernel had before, a sign-out elsewhere ends.
    if (status === "signed_in" || status === "expired") this.#kernel = undefined;
    if (status !== "signing_in") {
      this.#stopLooking?.();
      this.blocked = false;
    }
    this.#show(state);
    // The callback page closes its window too: only the vault knows whether it has been there.
    if (status === "signed_out" && this.#closedIn === this.#attempt) {
      this.#closedIn = undefined;
      this.#tellStalled();
    }
  }

  #sendToLogout(url: string | undefined): void {
    if (url) this.#logoutWindow?.location.replace(url);
    else if (this.#logoutWindow) closeSignInWindow(this.#logoutWindow); // somebody else has opened it meanwhile
    this.#logoutWindow = undefined;
  }

  /** The window was opened empty, because nothing was prepared yet. */
  #sendOn(url: string, configured: boolean): void {
    if (this.#popup && !this.#popup.closed) {
      this.#popup.location.replace(url);
      if (!configured) this.#popup.opener = null;
    } else if (this.blocked) this.#blockedUrl = url;
    // Nothing but a person closes a window that never left this page.
    else this.#send({ type: "window_closed", link_id: this.id });
    this.#notify();
  }

  #tellStalled(): void {
    if (this.#request) this.onStalled?.(this.#attempt, this.#request);
  }

  #look(): void {
    this.#stopLooking?.();
    if (!this.#popup) return;
    this.#stopLooking = onWindowClosed(this.#popup, () => {
      this.#closedIn = this.#attempt;
      this.#send({ type: "window_closed", link_id: this.id });
    });
  }

  #closeWindow(): void {
    this.#stopLooking?.();
    if (this.#popup) closeSignInWindow(this.#popup);
    this.#popup = undefined;
    this.#blockedUrl = undefined;
    this.blocked = false;
  }

  #fail(problem: Problem): void {
    this.#starting = false;
    this.#show({ status: "error", error: problem });
    this.onFailed?.(problem);
  }

  /** The widget's own comm; without it (the notebook was closed), this page is no way to the kernel. */
  #deliver(message: Delivery): void {
    try {
      this.onDeliver?.(message);
    } catch {
      this.#send({ type: "unlink", link_id: this.id });
    }
  }

  #show(state: LinkState): void {
    this.#state = { ...state, at: performance.now() };
    this.#notify();
  }

  #notify(): void {
    for (const changed of this.#changed) changed();
  }

  #send(message: ToVault): void {
    this.#vault.send(message);
  }
}
