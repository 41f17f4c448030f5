import { type Environment, randomString } from "../protocol/environment.js";
import { OIDCError, problemOf } from "../protocol/errors.js";
import { endSessionUrl } from "../protocol/logout.js";
import { type LoginRequest, type Target, targetKey } from "../protocol/request.js";
import type { Clock } from "./clock.js";
import type { Keeper } from "./keeper.js";
import { Link } from "./link.js";
import {
  type Delivery,
  type FromVault,
  type Port,
  pageLock,
  type ServerAccess,
  type ToVault,
  type VaultSettings,
} from "./messages.js";
import { PostOffice } from "./post-office.js";
import { ProviderCache } from "./provider-cache.js";
import { Reception } from "./reception.js";
import { serves } from "./recognition.js";
import { relayed } from "./relay.js";
import { finite, type Session } from "./session.js";
import { Sessions } from "./sessions.js";
import type { SignInResult } from "./sign-in.js";

/**
 * Sessions, the sign-ins under way, and everybody who wants to hear of them. The only place where refresh tokens,
 * ID tokens, verifiers, `state` and `nonce` live; no message to a page carries one, but for the addresses that
 * windows are opened with.
 */
export class Vault {
  readonly id: string;
  readonly #environment: Environment;
  readonly #links = new Map<string, Link>();
  readonly #posts: PostOffice;
  readonly #reception: Reception;
  readonly #sessions: Sessions;
  readonly #keeper?: Keeper;
  #settings?: VaultSettings;
  #server?: ServerAccess;

  constructor(environment: Environment, clock: Clock, makeKeeper?: (providers: ProviderCache) => Keeper) {
    this.#environment = environment;
    const environmentOf = (request: LoginRequest) => this.#environmentOf(request);
    const providers = new ProviderCache(environmentOf);
    this.id = randomString(environment);
    this.#posts = new PostOffice(clock);
    this.#keeper = makeKeeper?.(providers);
    this.#reception = new Reception({
      clock,
      providers,
      environmentOf,
      publish: (link) => this.#publish(link),
      signedIn: (link, result) => this.#signedIn(link, result),
    });
    this.#sessions = new Sessions(environment, {
      now: environment.now,
      clock,
      environmentOf,
      changed: (session) => this.#sessionChanged(session),
      wanted: (session, key) => this.#isWanted(session, key),
    });
  }

  receive(port: Port<FromVault>, message: ToVault): void {
    switch (message.type) {
      case "hello":
        this.#welcome(port, message.page_id, message.courier);
        return;
      case "bye":
        this.#leave(port);
        return;
      case "server":
        // Refresh tokens go there: no page may send them to another origin.
        if (isOwnOrigin(message.server.baseUrl)) this.#server = message.server;
        return;
      case "settings":
        this.#follow(message.settings);
        return;
      case "list_sessions":
        this.#tellSessions([port]);
        return;
      case "wake":
        this.#sessions.wake();
        return;
      case "link":
        this.#addLink(port, message);
        return;
      case "result":
        this.#posts.answered(port, message.delivery, message.result, message.kernel_id);
        return;
    }
    const link = this.#links.get(message.link_id);
    if (link) this.#receiveForLink(port, link, message);
  }

  #receiveForLink(port: Port<FromVault>, link: Link, message: Extract<ToVault, { link_id: string }>): void {
    switch (message.type) {
      case "unlink":
        this.#dropPort(link, port);
        return;
      case "place":
        link.place = message;
        this.#tellSessions();
        return;
      case "begin":
        void this.#reception.begin(port, link, message.prepared_id);
        return;
      case "cancel":
        this.#reception.stop(link);
        this.#publish(link);
        return;
      case "window_closed":
        if (!link.begun || link.begun.answered) return;
        link.abandoned = true;
        link.problem = message.problem;
        this.#publish(link);
        return;
      case "accept":
        if (link.offer) this.#attach(link, link.offer);
        return;
      case "sign_out":
        this.#reception.stop(link);
        link.problem = undefined;
        if (link.session) this.#endSession(link.session);
        else this.#publish(link);
        return;
      case "log_out":
        port.postMessage({ type: "logout_url", link_id: link.id, url: link.logoutUrl });
        link.logoutUrl = undefined;
        this.#publish(link);
        return;
      case "refresh":
        void this.#answerRefresh(link, message);
        return;
      case "tell_kernel":
        void this.#deliver(link, message.event, message.payload);
        return;
    }
  }

  // ---- pages and links ---------------------------------------------------------------------------

  #welcome(port: Port<FromVault>, pageId: string, courier: boolean): void {
    // A page holds this lock for as long as it lives; a crash says no "bye".
    void navigator.locks?.request(pageLock(pageId), () => this.#leave(port));
    port.postMessage({ type: "welcome", vault_id: this.id });
    if (!courier) return;
    this.#posts.couriers.add(port);
    port.postMessage({ type: "places_wanted", link_ids: [...this.#links.keys()] });
    this.#tellSessions([port]);
  }

  #leave(port: Port<FromVault>): void {
    this.#posts.leave(port);
    for (const link of this.#links.values()) {
      if (link.ports.has(port)) this.#dropPort(link, port);
    }
  }

  #follow(settings: VaultSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (before?.persistHours === settings.persistHours) return;
    this.#keeper?.start(settings.persistHours, this.#sessions).then(() => {
      for (const link of this.#links.values()) this.#findSession(link);
      this.#tellSessions();
    });
  }

  #addLink(port: Port<FromVault>, message: Extract<ToVault, { type: "link" }>): void {
    const { link_id, request, options, forward_to } = message;
    let link = this.#links.get(link_id);
    if (!link) {
      link = new Link(link_id, request, options, forward_to);
      this.#links.set(link_id, link);
      for (const courier of this.#posts.couriers) {
        courier.postMessage({ type: "places_wanted", link_ids: [link_id] });
      }
    }
    link.follow(request, options);
    link.ports.add(port);
    port.postMessage({ type: "state", link_id, state: link.state });
    this.#findSession(link);
    void this.#reception.prepare(link);
  }

  #dropPort(link: Link, port: Port<FromVault>): void {
    link.ports.delete(port);
    // Its kernel may run on with nobody looking; a courier that knows the kernel goes on serving it.
    if (link.ports.size === 0 && !(link.session && link.kernelId)) this.#dropLink(link);
  }

  #dropLink(link: Link): void {
    this.#reception.stop(link);
    this.#links.delete(link.id);
    this.#tellSessions();
  }

  // ---- links and their sessions ------------------------------------------------------------------------

  #signedIn(link: Link, result: SignInResult): void {
    const session = this.#sessions.enter(result);
    this.#attach(link, session);
    for (const other of this.#links.values()) {
      if (other !== link && serves(session, other.request)) this.#findSession(other);
    }
  }

  /** One sign-in serves all: a session of the same provider and client is used without a click. */
  #findSession(link: Link): void {
    if (link.session && !link.session.over) return;
    const session = this.#sessions.serving(link.request);
    if (!session) return;
    if (this.#settings?.confirmSharing && !link.session && link.forKernel) {
      link.offer = session;
      this.#publish(link);
    } else {
      this.#attach(link, session);
    }
  }

  #attach(link: Link, session: Session): void {
    link.offer = undefined;
    const attach = () => {
      if (session.over) return; // signed out while the token was on its way
      link.session = session;
      link.problem = undefined;
      link.logoutUrl = undefined;
      // Signed in from elsewhere: a window that is still open here keeps nobody waiting, though its answer counts.
      link.abandoned = true;
      session.wake();
      this.#publish(link);
      this.#tellSessions();
    };
    if (session.knows(link.key)) attach();
    // Another API or other scopes: a token of its own from the same sign-in. If that is not granted, the button stays.
    else session.refresh(link.request).then(attach, () => this.#publish(link));
  }

  #isWanted(session: Session, key: string): boolean {
    const users = [...this.#links.values()].filter(
      (link) => link.forKernel && link.session === session && link.key === key,
    );
    if (users.length > 0) return users.some((link) => link.options.auto_refresh);
    return targetKey(session.request) === key; // kept for whoever comes next
  }

  #sessionChanged(session: Session): void {
    if (!this.#sessions.has(session)) return;
    for (const link of this.#links.values()) {
      if (link.session === session) this.#publish(link);
    }
    this.#tellSessions();
    this.#keeper?.changed(this.#sessions);
  }

  #endSession(session: Session): void {
    this.#sessions.remove(session);
    const { provider, request, idToken } = session;
    const logoutUrl = endSessionUrl(provider.metadata, request.client_id, idToken);
    void session.end();
    for (const link of this.#links.values()) {
      if (link.offer === session) link.offer = undefined;
      if (link.session !== session) continue;
      link.session = undefined;
      link.problem = undefined;
      link.logoutUrl = logoutUrl;
      this.#publish(link);
      void this.#reception.prepare(link);
    }
    this.#tellSessions();
    this.#keeper?.changed(this.#sessions);
  }

  /** `w.refresh()` and `w.token(resource=…)`: the answer goes back to the kernel that asked. */
  async #answerRefresh(link: Link, message: Extract<ToVault, { type: "refresh" }>): Promise<void> {
    if (message.id && !link.isNew(message.id)) return; // asked in every tab that shows the widget
    const { session, request } = link;
    const other = message.resource != null || message.scopes != null;
    const { scopes, resource } = message;
    const target: Target = other
      ? { ...request, scopes: scopes ?? request.scopes, resource: resource ?? request.resource }
      : request;
    let answer: Record<string, unknown>;
    try {
      if (!session) throw new OIDCError({ code: "no_token", message: "Nobody is signed in.", hint: "Sign in first." });
      const token = await session.refresh(target);
      answer = { access_token: token.value, expires_in: finite(session.secondsLeft(token)), lifetime: token.lifetime };
    } catch (failure) {
      answer = { error: problemOf(failure) };
    }
    if (message.id) await this.#deliver(link, "answer", { id: message.id, ...answer });
  }

  /** What a provider is reached by: through the Jupyter server, where its administrator configured a relay. */
  #environmentOf({ relay, provider }: LoginRequest): Environment {
    const server = this.#server;
    return relay && provider && server
      ? relayed(this.#environment, provider, () => this.#server ?? server)
      : this.#environment;
  }

  // ---- telling -------------------------------------------------------------------------------------------

  /** Tells the views of a link, and its kernel if something has changed for it. */
  #publish(link: Link): void {
    const { state, token, session, told } = link;
    for (const port of link.ports) port.postMessage({ type: "state", link_id: link.id, state });
    const now = { status: state.status, serial: token?.serial, code: state.error?.code };
    link.told = now;
    if (token && session && told.serial !== now.serial) {
      void this.#deliver(link, "token", {
        access_token: token.value,
        expires_in: finite(session.secondsLeft(token)),
        lifetime: token.lifetime,
        claims: session.claims,
        account: session.account,
        session: session.id,
        ...(link.options.share_id_token ? { id_token: session.idToken } : {}),
      });
    } else if (told.serial !== now.serial || told.status !== now.status || told.code !== now.code) {
      // `ended`: the token that this vault brought is over; else the kernel keeps one that came from elsewhere.
      const ended = told.serial !== undefined && now.serial === undefined;
      void this.#deliver(link, "status", { status: state.status, error: state.error, ended });
    }
  }

  async #deliver(link: Link, event: Delivery["event"], payload: Record<string, unknown>): Promise<void> {
    if (!link.forKernel) return;
    const message: Delivery = { link_id: link.id, event, payload: { ...payload, seq: link.nextSeq(), vault: this.id } };
    const { kernelId, gone } = await this.#posts.send(message, link.ports, link.kernelId);
    if (kernelId) link.kernelId = kernelId;
    if (gone && link.ports.size === 0 && this.#links.get(link.id) === link) this.#dropLink(link);
  }

  #tellSessions(ports: Iterable<Port<FromVault>> = this.#posts.couriers): void {
    const sessions = this.#sessions.describe(this.#links.values());
    for (const port of ports) port.postMessage({ type: "sessions", sessions });
  }
}

function isOwnOrigin(address: string): boolean {
  return URL.canParse(address) && new URL(address).origin === globalThis.location?.origin;
}
