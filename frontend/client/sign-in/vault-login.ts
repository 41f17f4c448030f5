import { discoveryUrl } from "../../oauth/authority.js";
import type { Problem } from "../../oauth/errors.js";
import type { LoginRequest } from "../../oauth/request.js";
import type {
  Delivery,
  FromVault,
  LinkedTo,
  LinkOptions,
  LinkState,
  Prepared,
  ToVault,
  Wanted,
} from "../../vault/messages.js";
import { hostOf } from "../provider-address.js";
import { lossOf, noteSignIn, noteSignOut } from "../signed-in-note.js";
import type { VaultClient, VaultListener } from "../vault-client.js";
import type { KernelState } from "./kernel-state.js";
import { INITIAL, type LoginEvent, reduce, type SignInWindow, shown, type Target, waitsInVain } from "./login-state.js";
import { closeSignInWindow, onWindowClosed, openSignInWindow, sendWindow } from "./popup.js";
import type { ShownState, SignInControl } from "./sign-in-control.js";
import { barePage, isSilent, silentProvider } from "./silent-provider.js";

/** How long a window may be open before somebody asks the provider what it shows there, in ms. */
const STALLED_AFTER = 2000;

/**
 * How long a window may be closed before the provider is asked whether it answers at all, in ms: the callback page closes
 * its window too, and the token request is not to wait behind such a question.
 */
const CLOSED_FOR = 300;

/** What a link is for. */
export interface LinkSetup {
  wanted: Wanted;
  options: LinkOptions;
  /** The kernel that a widget lives in; `null`: the page can't tell. */
  kernel_id?: string | null;
  /** The subject of a row of the sidebar. */
  account?: string;
}

/**
 * One link as this page sees it: what to show, and what a click does. What is what, `login-state.ts` decides; here are
 * the windows, the timers and the messages.
 */
export class VaultLogin implements SignInControl {
  /** Kernel-bound messages that go by the widget's own comm. */
  onDeliver?: (message: Delivery) => void;
  /** The vault has found out whom this link signs in at. */
  onLinked?: (to: LinkedTo) => void;
  withoutWindow?: () => void;
  /** There is no vault that could tell the kernel. */
  onFailed?: (problem: Problem) => void;
  /**
   * The window is open for a while, or was closed, and nobody is signed in: the provider may show an error page of its
   * own, which this page can't see. Whoever can find out why calls {@link explain} with the same attempt.
   */
  onStalled?: (attempt: number, request: LoginRequest) => void;

  readonly id: string;
  readonly #vault: VaultClient;
  readonly #setup: LinkSetup;
  readonly #changed = new Set<() => void>();
  readonly #disposers: (() => void)[];
  #state = INITIAL;
  #to?: LinkedTo;
  #popup?: Window;
  /** Where the window was sent, and whether the line to it is whole. */
  #sentTo?: Target;
  #logoutWindow?: Window;
  /** The attempt whose window was closed. */
  #closedIn?: number;
  #stopLooking?: () => void;

  constructor(vault: VaultClient, id: string, setup: LinkSetup) {
    this.#vault = vault;
    this.id = id;
    this.#setup = setup;
    this.#disposers = [vault.listen((message) => this.#receive(message)), vault.onConnected(() => this.#link())];
  }

  /** As the vault found out; before that, what was asked for has a host at least. */
  get to(): SignInControl["to"] {
    return this.#to ?? { host: hostOf(this.#setup.wanted.authority) };
  }

  /** Whom one signs in at, and how, once the vault knows it. */
  get linked(): LinkedTo | undefined {
    return this.#to;
  }

  get label(): string | null | undefined {
    return this.#setup.options.label;
  }

  get state(): ShownState {
    return { ...shown(this.#state), inPage: this.#vault.inPage };
  }

  /** What the kernel said of itself. */
  set kernel(kernel: KernelState) {
    this.#happened({ type: "kernel", kernel, at: performance.now() });
    if (waitsInVain(this.#state)) this.#send({ type: "tell_again", link_id: this.id });
  }

  onChange(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  /** Call it inside a click. */
  signIn(): void {
    const { prepared } = this.#state;
    const popup = openSignInWindow(prepared);
    this.#begin(popup ? (prepared ? "sent" : "empty") : "blocked", popup, prepared);
  }

  /** A kernel asks for a sign-in: the page shows a link, and only a click of the person opens a window. */
  ask(): void {
    if (!this.#state.attempt && this.#state.link.status !== "signing_in")
      this.#begin("asked", null, this.#state.prepared);
  }

  openWindow(): void {
    const { attempt } = this.#state;
    if (!attempt || attempt.window === "sent" || attempt.window === "empty") return;
    const { target } = attempt;
    const { count } = this.#state;
    const popup = openSignInWindow(target);
    if (popup && count !== this.#state.count) {
      closeSignInWindow(popup); // cancelled meanwhile
      return;
    }
    this.#look(popup, target);
    this.#happened({ type: "window", window: popup ? (target ? "sent" : "empty") : "blocked" });
    this.#sendOn();
  }

  cancel(): void {
    const leftOpen = this.#closeWindow();
    this.#send({ type: "cancel", link_id: this.id });
    this.#happened({ type: "cancelled", leftOpen });
  }

  signOut(): void {
    this.#closeWindow();
    noteSignOut(this.#what);
    this.#happened({ type: "signed_out" });
    this.#send({ type: "sign_out", link_id: this.id });
  }

  /** OpenID Connect RP-Initiated Logout; call it inside a click. */
  logOut(): void {
    const popup = openSignInWindow();
    if (!popup) return;
    this.#logoutWindow = popup;
    this.#happened({ type: "log_out" });
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
    const { status } = this.state;
    if (attempt !== this.#state.count || (status !== "signing_in" && status !== "signed_out")) return;
    this.#stopLooking?.();
    this.#send({ type: "window_closed", link_id: this.id, problem });
  }

  /** @param gone the kernel was started anew: there is nobody to bring anything to */
  dispose(gone = false): void {
    this.#stopLooking?.();
    this.onStalled = undefined; // nobody is there to ask the kernel
    this.#send({ type: "unlink", link_id: this.id, gone });
    for (const dispose of this.#disposers) dispose();
    this.#changed.clear();
  }

  /** @param prepared what the window was opened with, if anything: the state may know another by now */
  #begin(window: SignInWindow, popup: Window | null, prepared?: Prepared): void {
    this.#happened({ type: "begun", window, target: prepared });
    this.#look(popup, prepared);
    const attempt = this.#state.count;
    if (popup) setTimeout(() => this.#isWaiting(attempt) && this.#tellStalled(), STALLED_AFTER);
    this.#vault.introduceServer();
    this.#ready().then(
      () => {
        if (attempt !== this.#state.count) return; // cancelled meanwhile
        this.#happened({ type: "told" });
        this.#send({ type: "begin", link_id: this.id, prepared_id: prepared?.id });
      },
      () => this.#closeWindow(), // the reason is on show
    );
  }

  #isWaiting(attempt: number): boolean {
    return attempt === this.#state.count && this.state.status === "signing_in";
  }

  async #ready(): Promise<void> {
    if (!(await this.#vault.connect())) throw new Error("no vault");
  }

  #link(): void {
    const { status } = this.#state.link;
    this.#happened({ type: "connected", lost: lossOf(this.#vault.id, this.#what) });
    this.#send({ type: "link", link_id: this.id, ...this.#setup });
    if (status === "signing_in") this.#send({ type: "tell_again", link_id: this.id });
  }

  /** What a tab notes of a sign-in, to know later what was lost. */
  get #what(): string {
    const { provider, authority, client_id } = this.#setup.wanted;
    return JSON.stringify(provider ?? [authority, client_id]);
  }

  #receive(message: Parameters<VaultListener>[0]): void {
    if (message.type === "unavailable") this.#fail(message.problem);
    if (message.type === "deliver" && message.delivery === 0 && message.message.link_id === this.id) {
      this.#deliver(message.message);
    }
    if (!("link_id" in message) || message.link_id !== this.id) return;
    switch (message.type) {
      case "linked":
        this.#to = message;
        this.#notify();
        this.onLinked?.(message);
        return;
      case "state":
        this.#receiveState(message.state);
        return;
      case "prepared":
        this.#happened({ type: "prepared", prepared: message.prepared });
        return;
      case "opened":
        this.#receiveOpened(message);
        return;
      case "logout_url":
        this.#sendToLogout(message.url);
        return;
    }
  }

  #receiveState(state: LinkState): void {
    const before = this.#state.link.status;
    this.#happened({ type: "state", state, at: performance.now() });
    const { attempt, link } = this.#state;
    if (attempt || link !== state || state.status === "signing_in") return;
    this.#stopLooking?.();
    if (state.status === "signed_in") noteSignIn(this.#vault.id, this.#what);
    else if (state.status === "signed_out" && before === "signed_in") noteSignOut(this.#what);
    // The callback page closes its window too: only the vault knows whether it has been there.
    if (state.status === "signed_out" && this.#closedIn === this.#state.count) {
      this.#closedIn = undefined;
      this.#tellStalled();
    }
  }

  /** The window was opened empty, because nothing was prepared yet; or with an address that is none any more. */
  #receiveOpened({ url, configured = false, failure }: FromVault & { type: "opened" }): void {
    const target = url === undefined ? undefined : { url, configured };
    this.#happened({ type: "opened", target });
    if (failure) this.#closeWindow();
    if (target && this.#state.attempt?.window === "sent") {
      this.#closeWindow();
      this.#happened({ type: "window", window: "blocked" }); // the link goes where an answer is waited for
    }
    this.#sendOn();
  }

  /** Sends the empty window to where the sign-in goes on, once that is known. */
  #sendOn(): void {
    const { window, target } = this.#state.attempt ?? {};
    if (window !== "empty" || !target) return;
    const popup = this.#popup;
    if (popup && !popup.closed) {
      sendWindow(popup, target);
      this.#look(popup, target);
      this.#happened({ type: "window", window: "sent" });
    } else {
      // Nothing but a person closes a window that never left this page.
      this.#send({ type: "window_closed", link_id: this.id });
    }
  }

  #sendToLogout(url: string | undefined): void {
    if (url && this.#logoutWindow)
      sendWindow(this.#logoutWindow, { url, configured: false }); // nothing comes back
    else if (this.#logoutWindow) closeSignInWindow(this.#logoutWindow); // somebody else has opened it meanwhile
    this.#logoutWindow = undefined;
  }

  /** Finds out why nobody comes back from the provider: it gives no answer at all, or an error page of its own. */
  #tellStalled(): void {
    const [attempt, request, sentTo] = [this.#state.count, this.#to?.request, this.#sentTo];
    if (!request || !sentTo) return;
    const known = discoveryUrl(request.authority);
    void isSilent(known).then((silent) => {
      if (attempt !== this.#state.count) return;
      if (silent) this.explain(silentProvider(known), attempt);
      else this.onStalled?.(attempt, request);
    });
  }

  #look(popup: Window | null, target?: Target): void {
    this.#stopLooking?.();
    this.#popup = popup ?? undefined;
    this.#sentTo = popup ? target : undefined;
    if (!popup) return;
    const closed = () => {
      this.#closedIn = this.#state.count;
      this.#send({ type: "window_closed", link_id: this.id });
    };
    const attempt = this.#state.count;
    const silent = async () => {
      await new Promise((resolve) => setTimeout(resolve, CLOSED_FOR));
      return target !== undefined && this.#isWaiting(attempt) && (await isSilent(barePage(target.url)));
    };
    this.#stopLooking = onWindowClosed(popup, closed, silent);
  }

  /** @returns whether the window may be open still, since nothing here can close it */
  #closeWindow(): boolean {
    this.#stopLooking?.();
    const popup = this.#popup;
    // The line to it was cut, by this page (for a provider that nobody vouches for) or by the provider's own.
    const beyond = popup !== undefined && this.#sentTo !== undefined && (!this.#sentTo.configured || popup.closed);
    if (popup) closeSignInWindow(popup);
    this.#popup = undefined;
    return beyond;
  }

  #fail(problem: Problem): void {
    this.#happened({ type: "failed", problem });
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

  #happened(event: LoginEvent): void {
    this.#state = reduce(this.#state, event);
    this.#notify();
  }

  #notify(): void {
    for (const changed of this.#changed) changed();
  }

  #send(message: ToVault): void {
    this.#vault.send(message);
  }
}
