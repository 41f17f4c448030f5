import type { Provider } from "../protocol/discovery.js";
import { type Environment, randomString } from "../protocol/environment.js";
import { OIDCError, type Problem, problemOf } from "../protocol/errors.js";
import { type LoginRequest, type Target, targetKey } from "../protocol/request.js";
import type { TokenEndpoint } from "../protocol/token.js";
import type { Clock } from "./clock.js";
import { Link } from "./link.js";
import {
  type Delivery,
  type FromVault,
  type Port,
  pageLock,
  type ServerAccess,
  type SessionInfo,
  type ToVault,
  type VaultSettings,
} from "./messages.js";
import { PostOffice } from "./post-office.js";
import { ProviderCache } from "./provider-cache.js";
import { Session, type SessionContext } from "./session.js";
import { SignIn, type SignInResult } from "./sign-in.js";

/** A prepared sign-in is renewed when it is this old, in seconds. */
const PREPARED_FOR = 300;

/**
 * Sessions, the sign-ins under way, and everybody who wants to hear of them. The only place where refresh tokens,
 * ID tokens, verifiers, `state` and `nonce` live; no message to a page carries one, but for the address that a
 * sign-in window is opened with.
 */
export class Vault {
  readonly id: string;
  readonly #environment: Environment;
  readonly #providers: ProviderCache;
  readonly #posts: PostOffice;
  readonly #links = new Map<string, Link>();
  readonly #sessions: Session[] = [];
  readonly #context: SessionContext;
  readonly #clock: Clock;
  #settings: VaultSettings = { confirmSharing: false, persistHours: 0 };
  #server?: ServerAccess;

  constructor(environment: Environment, clock: Clock) {
    this.id = randomString(environment);
    this.#environment = environment;
    this.#clock = clock;
    this.#providers = new ProviderCache(environment);
    this.#posts = new PostOffice(clock);
    this.#context = {
      environment,
      clock,
      endpointOf: (request) => this.#endpointOf(request),
      changed: (session) => this.#sessionChanged(session),
      wanted: (session, key) => this.#isWanted(session, key),
    };
  }

  receive(port: Port<FromVault>, message: ToVault): void {
    switch (message.type) {
      case "hello":
        this.#server = message.server ?? this.#server;
        // A page holds this lock for as long as it lives; a crash says no "bye".
        void navigator.locks?.request(pageLock(message.page_id), () => this.#leave(port));
        if (message.courier) {
          this.#posts.couriers.add(port);
          port.postMessage({ type: "places_wanted", link_ids: [...this.#links.keys()] });
        }
        port.postMessage({ type: "welcome", vault_id: this.id });
        this.#tellSessions([port]);
        return;
      case "bye":
        this.#leave(port);
        return;
      case "settings":
        this.#settings = message.settings;
        return;
      case "wake":
        for (const session of this.#sessions) session.wake();
        return;
      case "link":
        this.#addLink(port, message);
        return;
      case "result":
        this.#posts.answered(port, message.delivery, message.result, message.kernel_id);
        return;
      case "end_session": {
        const session = this.#sessions.find(({ id }) => id === message.session_id);
        if (session) void this.#endSession(session);
        return;
      }
      case "place": {
        const link = this.#links.get(message.place.link_id);
        if (link) {
          link.kernelId = message.place.kernel_id;
          link.path = message.place.path;
          link.kernelName = message.place.name;
          this.#tellSessions();
        }
        return;
      }
    }
    const link = this.#links.get(message.link_id);
    if (link) this.#receiveForLink(port, link, message);
  }

  #receiveForLink(port: Port<FromVault>, link: Link, message: Extract<ToVault, { link_id: string }>): void {
    switch (message.type) {
      case "unlink":
        this.#dropPort(link, port);
        return;
      case "begin":
        void this.#begin(port, link, message.prepared_id);
        return;
      case "cancel":
        this.#stopSignIn(link);
        this.#publish(link);
        return;
      case "window_closed":
        if (!link.begun) return;
        link.abandoned = true;
        link.problem = message.problem;
        this.#publish(link);
        return;
      case "accept":
        if (link.offer) this.#attach(link, link.offer);
        return;
      case "sign_out":
        this.#stopSignIn(link);
        link.problem = undefined;
        if (link.session) void this.#endSession(link.session);
        else this.#publish(link, true);
        return;
      case "refresh":
        void this.#answerRefresh(link, message);
        return;
      case "tell_kernel":
        void this.#deliver(link, message.event, message.payload);
        return;
    }
  }

  // ---- links -------------------------------------------------------------------------------------------------

  #addLink(port: Port<FromVault>, message: Extract<ToVault, { type: "link" }>): void {
    let link = this.#links.get(message.link_id);
    if (!link) {
      link = new Link(message.link_id, message.request, message.options, message.forward_to);
      this.#links.set(link.id, link);
      for (const courier of this.#posts.couriers) {
        courier.postMessage({ type: "places_wanted", link_ids: [link.id] });
      }
    } else if (JSON.stringify(link.request) !== JSON.stringify(message.request)) {
      link.request = message.request;
      link.prepared?.stop();
      link.prepared = undefined;
    }
    link.options = message.options;
    link.ports.add(port);
    port.postMessage({ type: "state", link_id: link.id, state: link.state });
    if (!link.session) this.#findSession(link);
    void this.#prepare(link);
  }

  #dropPort(link: Link, port: Port<FromVault>): void {
    link.ports.delete(port);
    // Its kernel may run on with nobody looking; a courier that knows the kernel goes on serving it.
    if (link.ports.size > 0 || (link.session && link.kernelId)) return;
    this.#stopSignIn(link);
    this.#links.delete(link.id);
    this.#tellSessions();
  }

  #leave(port: Port<FromVault>): void {
    this.#posts.leave(port);
    for (const link of this.#links.values()) {
      if (link.ports.has(port)) this.#dropPort(link, port);
    }
  }

  /** One sign-in serves all: a session of the same provider and client is used without a click. */
  #findSession(link: Link): void {
    const fitting = this.#sessions.filter((session) => !session.over && serves(session, link.request));
    const session = fitting.at(-1);
    if (!session) return;
    if (this.#settings.confirmSharing) {
      link.offer = session;
      this.#publish(link);
    } else {
      this.#attach(link, session);
    }
  }

  #attach(link: Link, session: Session): void {
    link.offer = undefined;
    if (session.token(link.key) || session.knows(link.key)) {
      link.session = session;
      link.problem = undefined;
      session.wake();
      this.#publish(link);
      this.#tellSessions();
      return;
    }
    // Another API or other scopes: a token of its own from the same sign-in, or else a click.
    session.refresh(link.request).then(
      () => {
        link.session = session;
        this.#publish(link);
        this.#tellSessions();
      },
      () => this.#publish(link), // not granted silently: the button stays
    );
  }

  #isWanted(session: Session, key: string): boolean {
    const users = [...this.#links.values()].filter((link) => link.session === session && link.key === key);
    if (users.length > 0) return users.some((link) => link.options.auto_refresh);
    return targetKey(session.request) === key; // kept for whoever comes next
  }

  // ---- signing in ----------------------------------------------------------------------------------------------

  async #prepare(link: Link): Promise<void> {
    if (link.prepared && link.prepared.age < PREPARED_FOR) {
      this.#tellPrepared(link);
      return;
    }
    const { request } = link;
    try {
      const provider = await this.#providers.get(request);
      const prepared = await SignIn.prepare(provider, request, this.#environment, link.forwardTo);
      if (link.request !== request) return; // asked for something else meanwhile
      link.prepared = prepared;
      this.#tellPrepared(link);
      this.#clock.setTimeout(() => {
        if (link.prepared === prepared && link.ports.size > 0) void this.#prepare(link);
      }, PREPARED_FOR);
    } catch (failure) {
      const problem = problemOf(failure);
      for (const port of link.ports) port.postMessage({ type: "prepared", link_id: link.id, failure: problem });
      if (link.session || link.begun) return;
      link.problem = problem;
      this.#publish(link);
    }
  }

  #tellPrepared(link: Link): void {
    const { prepared } = link;
    const message = prepared && { id: prepared.id, url: prepared.url };
    for (const port of link.ports) port.postMessage({ type: "prepared", link_id: link.id, prepared: message });
  }

  async #begin(port: Port<FromVault>, link: Link, preparedId?: string): Promise<void> {
    this.#stopSignIn(link);
    link.problem = undefined;
    let signIn = link.prepared?.id === preparedId ? link.prepared : undefined;
    link.prepared = undefined;
    try {
      if (!signIn) {
        const provider = await this.#providers.get(link.request);
        signIn = await SignIn.prepare(provider, link.request, this.#environment, link.forwardTo);
        port.postMessage({ type: "opened", link_id: link.id, url: signIn.url });
      } else {
        port.postMessage({ type: "opened", link_id: link.id });
      }
      this.#await(link, signIn);
    } catch (failure) {
      const problem = problemOf(failure);
      link.problem = problem;
      port.postMessage({ type: "opened", link_id: link.id, failure: problem });
    }
    this.#publish(link);
    void this.#prepare(link);
  }

  #await(link: Link, signIn: SignIn): void {
    link.begun = signIn;
    link.abandoned = false;
    signIn.begin(
      (search) => void this.#redeem(link, signIn, search),
      () => {
        link.problem = timedOut();
        this.#stopSignIn(link);
        this.#publish(link);
      },
    );
  }

  async #redeem(link: Link, signIn: SignIn, search: string): Promise<void> {
    try {
      const result = await signIn.redeem(search, this.#endpointOf(signIn.request));
      if (link.begun !== signIn) return; // cancelled meanwhile
      link.begun = undefined;
      link.problem = undefined;
      const session = this.#enter(result);
      this.#attach(link, session);
      for (const other of this.#links.values()) {
        if (other !== link && !other.session && !other.begun && serves(session, other.request))
          this.#findSession(other);
      }
    } catch (failure) {
      if (link.begun !== signIn) return;
      link.begun = undefined;
      link.problem = problemOf(failure);
      this.#publish(link);
    }
  }

  #stopSignIn(link: Link): void {
    link.begun?.stop();
    link.begun = undefined;
    link.abandoned = false;
  }

  // ---- sessions --------------------------------------------------------------------------------------------------

  /** A session is known by issuer, client and account. */
  #enter({ provider, request, tokens }: SignInResult): Session {
    const { subject, account } = identify(tokens.claims ?? tokens.userinfo, request);
    let session = this.#sessions.find(
      (known) => sameClient(known.provider, known.request, provider, request) && known.subject === subject,
    );
    if (!session) {
      session = new Session(randomString(this.#environment), provider, subject, account, this.#context);
      this.#sessions.push(session);
    }
    session.add(request, tokens);
    return session;
  }

  #sessionChanged(session: Session): void {
    if (!this.#sessions.includes(session)) return;
    for (const link of this.#links.values()) {
      if (link.session === session) this.#publish(link);
    }
    this.#tellSessions();
  }

  async #endSession(session: Session): Promise<void> {
    this.#sessions.splice(this.#sessions.indexOf(session), 1);
    const logout = logoutUrl(session);
    const ended = session.end();
    for (const link of this.#links.values()) {
      if (link.offer === session) link.offer = undefined;
      if (link.session !== session) continue;
      link.session = undefined;
      link.problem = undefined;
      this.#publish(link, true);
      if (logout)
        for (const port of link.ports) port.postMessage({ type: "logout_url", link_id: link.id, url: logout });
      void this.#prepare(link);
    }
    this.#tellSessions();
    await ended;
  }

  /** `w.refresh()` and `w.token(resource=…)`: the answer goes back to the kernel that asked. */
  async #answerRefresh(link: Link, message: Extract<ToVault, { type: "refresh" }>): Promise<void> {
    const { session, request } = link;
    const other = message.resource != null || message.scopes != null;
    const target: Target = other
      ? { scopes: message.scopes ?? request.scopes, resource: message.resource ?? request.resource }
      : request;
    let answer: Record<string, unknown>;
    try {
      if (!session) throw new OIDCError({ code: "no_token", message: "Nobody is signed in.", hint: "Sign in first." });
      const known = other ? session.token(targetKey(target)) : undefined;
      const token = known ?? (await session.refresh(target));
      answer = { access_token: token.value, expires_in: finite(session.secondsLeft(token)) };
    } catch (failure) {
      answer = { error: problemOf(failure) };
    }
    if (message.id) await this.#deliver(link, "answer", { id: message.id, ...answer });
  }

  #endpointOf(request: LoginRequest): TokenEndpoint | undefined {
    if (!request.relay || !request.provider || !this.#server) return undefined;
    const { baseUrl, headers } = this.#server;
    return { address: `${baseUrl}oidc-widget/api/providers/${encodeURIComponent(request.provider)}/token`, headers };
  }

  // ---- telling -------------------------------------------------------------------------------------------------------

  /** Tells the views of a link, and its kernel if something has changed for it. */
  #publish(link: Link, signedOut = false): void {
    const { state } = link;
    for (const port of link.ports) port.postMessage({ type: "state", link_id: link.id, state });
    const { token, session } = link;
    const { told } = link;
    const now = { status: state.status, serial: token?.serial, code: state.error?.code };
    const same = told.status === now.status && told.serial === now.serial && told.code === now.code;
    if (same && !signedOut) return;
    link.told = now;
    if (token && session && token.serial !== told.serial) {
      void this.#deliver(link, "token", {
        access_token: token.value,
        expires_in: finite(session.secondsLeft(token)),
        claims: session.claims,
        account: session.account,
        ...(link.options.share_id_token ? { id_token: session.idToken } : {}),
      });
    } else if (!token || told.status !== now.status) {
      void this.#deliver(link, "status", { status: state.status, error: state.error });
    }
  }

  async #deliver(link: Link, event: Delivery["event"], payload: Record<string, unknown>): Promise<void> {
    const message: Delivery = { link_id: link.id, event, payload: { ...payload, seq: link.nextSeq(), vault: this.id } };
    const kernel = await this.#posts.send(message, link.ports, link.kernelId);
    if (kernel) link.kernelId = kernel;
  }

  #tellSessions(ports: Iterable<Port<FromVault>> = this.#posts.couriers): void {
    const sessions: SessionInfo[] = this.#sessions.map((session) => {
      const token = session.token(targetKey(session.request));
      return {
        session_id: session.id,
        issuer: session.provider.metadata.issuer,
        client_id: session.request.client_id,
        provider: session.request.provider,
        account: session.account,
        status: token ? "signed_in" : "expired",
        expires_in: token && finite(session.secondsLeft(token)),
        lifetime: token?.lifetime,
        error: session.problem,
        can_log_out: session.provider.metadata.end_session_endpoint !== undefined,
        request: session.request,
        uses: [...this.#links.values()]
          .filter((link) => link.session === session)
          .map(({ id, kernelId, path, kernelName }) => ({
            link_id: id,
            kernel_id: kernelId,
            path,
            name: kernelName,
          })),
      };
    });
    for (const port of ports) port.postMessage({ type: "sessions", sessions });
  }
}

function finite(seconds: number): number | undefined {
  return Number.isFinite(seconds) ? seconds : undefined;
}

function sameClient(a: Provider, asked: LoginRequest, b: Provider, request: LoginRequest): boolean {
  return a.metadata.issuer === b.metadata.issuer && asked.client_id === request.client_id;
}

/** Whether this session may answer that request: same provider and client, and nobody else was asked for. */
function serves(session: Session, request: LoginRequest): boolean {
  const own = session.request;
  const bare = (authority: string) => authority.replace(/\/?(\.well-known\/openid-configuration)?\/?$/, "");
  if (bare(own.authority) !== bare(request.authority) || own.client_id !== request.client_id) return false;
  const { login_hint, prompt } = request.extra_params;
  if (login_hint) return [session.subject, ...names(session)].includes(login_hint);
  return !/\b(login|select_account|create)\b/.test(prompt ?? "");
}

function names(session: Session): unknown[] {
  const { claims } = session;
  return [session.account, claims?.preferred_username, claims?.email];
}

function identify(claims: Record<string, unknown> | undefined, request: LoginRequest) {
  const subject = String(claims?.sub ?? claims?.id ?? "");
  const named = [claims?.name, claims?.preferred_username, claims?.login, claims?.email, claims?.sub];
  const account = named.find((name): name is string => typeof name === "string" && name.trim() !== "");
  return { subject, account: account ?? request.client_id };
}

/** OpenID Connect RP-Initiated Logout 1.0 §2. */
function logoutUrl(session: Session): string | undefined {
  const { end_session_endpoint } = session.provider.metadata;
  if (!end_session_endpoint) return undefined;
  const url = new URL(end_session_endpoint);
  if (session.idToken) url.searchParams.set("id_token_hint", session.idToken);
  url.searchParams.set("client_id", session.request.client_id);
  return url.href;
}

function timedOut(): Problem {
  return {
    code: "timeout",
    message: "Nobody finished the sign-in within 15 minutes.",
    hint: "Try again.",
  };
}
