import { type Environment, randomString } from "../oauth/environment.js";
import { Failure } from "../oauth/failure.js";
import { endSessionUrl } from "../oauth/logout.js";
import { type LoginRequest, targetKey } from "../oauth/request.js";
import type { Clock } from "./clock.js";
import { createDeliveries } from "./delivery/delivery.js";
import { createPublisher, forKernel } from "./delivery/publish.js";
import { checked } from "./guards.js";
import { clear, createLink, follow, forgetTold, keyOf, type Link, linkKey } from "./links/link.js";
import { type FromVault, type LinkedTo, type Port, pageLock, type Role, type ToVault } from "./messages.js";
import { problemOf } from "./problem.js";
import { complete, type Destination, destinationOf } from "./providers/destination.js";
import { createJupyterServer } from "./providers/jupyter-server.js";
import { providerCache } from "./providers/provider-cache.js";
import { relayed } from "./providers/relay.js";
import { maySay } from "./roles.js";
import { describe } from "./sessions/describe.js";
import type { Session } from "./sessions/session.js";
import { createSessions } from "./sessions/sessions.js";
import { serves } from "./sessions/sharing-rules.js";
import { createSignInFlow } from "./sign-in/flow.js";
import { terminalToken } from "./terminal-token.js";
import { createTerminals } from "./terminals.js";
import { createUserCheck } from "./user-check.js";

type Said<Type extends ToVault["type"]> = Extract<ToVault, { type: Type }>;
type LinkMessage = Exclude<Extract<ToVault, { link_id: string }>, { type: "link" }>;

/** A port, its one role, and the links that it made, by the names it gave them. */
interface Page {
  readonly port: Port<FromVault>;
  readonly number: number;
  readonly role: Role;
  readonly links: Map<string, Link>;
}

/**
 * Sessions, the sign-ins under way, and everybody who wants to hear of them. The only place where refresh tokens,
 * ID tokens, verifiers, `state` and `nonce` live; no message to a page carries one, but for the addresses that
 * windows are opened with.
 */
export interface Vault {
  readonly id: string;
  /** Whatever came in over a port: it is checked here. */
  receive(port: Port<FromVault>, data: unknown): void;
}

export interface VaultPlace {
  /** Where our files are, and so which Jupyter server they belong to. */
  filesUrl: string;
  /** The vault holds its lock, so that pages learn of its end. */
  locked: boolean;
}

export function createVault(environment: Environment, clock: Clock, place: VaultPlace): Vault {
  const id = randomString(environment);
  const pages = new Map<Port<FromVault>, Page>();
  const links = new Map<string, Link>();
  /** Pages that want to hear of all sessions. */
  const sidebars = new Set<Port<FromVault>>();
  /** Pages that let terminals have access tokens. */
  const forTerminals = new Set<Port<FromVault>>();
  const server = createJupyterServer(environment, place.filesUrl);
  const providerOf = providerCache(environmentOf);
  const deliveries = createDeliveries(clock);
  const { publish, deliver } = createPublisher(id, deliveries, {
    brought: tellSessions,
    signedOut: (link) => link.session && endSession(link.session),
    lost: (link) => links.get(link.key) === link && dropLink(link),
  });
  const flow = createSignInFlow({
    clock,
    destinationOf: findDestination,
    environmentOf,
    publish(link) {
      publish(link);
      // Its page went away in the middle, and nothing came of it.
      if (link.ports.size === 0 && !link.begun && !link.session) dropLink(link);
    },
    signedIn(link, result) {
      const session = sessions.enter(result);
      attach(link, session);
      for (const other of links.values()) {
        if (other !== link && other.request && serves(session, other.request, environment.now())) offerSession(other);
      }
      userCheck.remember(); // last: kernels' tokens have the same server to pass
    },
  });
  const sessions = createSessions(environment, {
    now: environment.now,
    clock,
    environmentOf,
    changed(session) {
      if (!sessions.list.includes(session)) return;
      for (const link of links.values()) {
        if (link.session === session) publish(link);
      }
      tellSessions();
    },
    wanted(session, key) {
      const users = [...links.values()].filter(
        (link) => link.forKernel && link.session === session && keyOf(link) === key,
      );
      if (users.length > 0) return users.some((link) => link.options.auto_refresh);
      return targetKey(session.request) === key; // kept for whoever comes next
    },
  });
  const userCheck = createUserCheck({
    clock,
    user: server.user,
    hasSessions,
    endSessions() {
      [...sessions.list].forEach(endSession);
      for (const link of left()) dropLink(link);
    },
  });
  const terminals = createTerminals(environment, {
    clock,
    server,
    tokenFor: (provider) => terminalToken(provider, sessions.list, server, environment.now()),
  });
  let confirmSharing = false;
  let count = 0;
  /** No page is there, or the first of them has not been answered yet. */
  let confirming: Promise<void> | undefined;

  function receive(port: Port<FromVault>, data: unknown): void {
    const message = checked(data);
    const role = pages.get(port)?.role ?? (message?.type === "hello" ? message.role : undefined);
    if (!message || !maySay(role, message.type)) {
      warn(data, role);
      return;
    }
    if (message.type === "hello") {
      if (pages.size === 0 && hasSessions()) confirming = confirm();
      register(port, message);
      server.headers = message.headers; // the check needs them
    }
    if (confirming) void confirming.then(() => handle(port, message));
    else handle(port, message);
  }

  /** Or a sign-in that becomes one. */
  function hasSessions(): boolean {
    return sessions.list.length > 0 || left().length > 0;
  }

  /** Whose page went away in the middle of a sign-in: it is loaded anew, perhaps. */
  function left(): Link[] {
    return [...links.values()].filter(({ begun, ports }) => begun && ports.size === 0);
  }

  function confirm(): Promise<void> {
    const confirmed = userCheck.confirm().then(() => {
      // That page may be gone, and the next one was asked about anew.
      if (confirming === confirmed) confirming = undefined;
    });
    return confirmed;
  }

  function warn(data: unknown, role: Role | undefined): void {
    const type = String((data as { type?: unknown } | null | undefined)?.type).slice(0, 50);
    // Not the message: it may hold anything.
    // biome-ignore lint/suspicious/noConsole: whoever writes such messages looks here
    console.warn(`oidc-widget: a message (${type}) that does not fit a ${role ?? "port without a role"} was dropped`);
  }

  function handle(port: Port<FromVault>, message: ToVault): void {
    const page = pages.get(port);
    if (!page) return; // gone meanwhile
    switch (message.type) {
      case "hello":
        port.postMessage({ type: "welcome", vault_id: id, locked: place.locked });
        return;
      case "server":
        server.headers = message.headers;
        return;
      case "bye":
        leave(port);
        return;
      case "wake":
        for (const session of sessions.list) session.wake();
        return;
      case "settings":
        confirmSharing = message.settings.confirmSharing;
        return;
      case "terminals":
        allowTerminals(port, message.allowed);
        return;
      case "list_sessions":
        sidebars.add(port);
        tellSessions();
        return;
      case "result":
        deliveries.answered(port, message.delivery, message);
        return;
      case "link":
        addLink(page, message);
        return;
    }
    const link = page.links.get(message.link_id);
    if (link) handleForLink(page, link, message);
  }

  function handleForLink(page: Page, link: Link, message: LinkMessage): void {
    const { port } = page;
    switch (message.type) {
      case "unlink":
        page.links.delete(link.id);
        letGo(link, port);
        return;
      case "begin":
        void flow.begin(port, link, message.prepared_id);
        return;
      case "cancel":
        flow.stop(link);
        publish(link);
        return;
      case "window_closed":
        if (!link.begun || link.begun.answered) return;
        link.abandoned = true;
        link.problem = message.problem;
        publish(link);
        return;
      case "accept":
        // What was on offer may be too old by now (`max_age`).
        if (link.offer && link.request && serves(link.offer, link.request, environment.now())) attach(link, link.offer);
        return;
      case "sign_out":
        flow.stop(link);
        clear(link);
        if (link.session) endSession(link.session);
        else publish(link);
        return;
      case "log_out":
        port.postMessage({ type: "logout_url", link_id: link.id, url: link.logoutUrl });
        link.logoutUrl = undefined;
        publish(link);
        return;
      case "refresh":
        void answerRefresh(link, message);
        return;
      case "tell_again":
        forgetTold(link);
        publish(link);
        return;
      case "tell_kernel":
        void deliver(link, message.event, message.payload);
        return;
    }
  }

  // ---- pages and links ---------------------------------------------------------------------------

  function register(port: Port<FromVault>, { role, page_id }: Said<"hello">): void {
    if (pages.has(port)) return; // back from the browser's cache
    count += 1;
    pages.set(port, { port, role, number: count, links: new Map() });
    // A page holds this lock for as long as it lives; a crash says no "bye".
    if (page_id) void navigator.locks?.request(pageLock(page_id), () => leave(port)).catch(() => undefined);
    if (role === "delivery") deliveries.ports.add(port);
  }

  function leave(port: Port<FromVault>): void {
    deliveries.leave(port);
    sidebars.delete(port);
    allowTerminals(port, false);
    const page = pages.get(port);
    pages.delete(port);
    for (const link of page?.links.values() ?? []) letGo(link, port);
  }

  /** A sign-in under way goes on without its page. */
  function letGo(link: Link, port: Port<FromVault>): void {
    if (!link.begun || link.ports.size > 1) {
      dropPort(link, port);
    } else {
      link.ports.delete(port);
      userCheck.remember(); // whose it is
    }
  }

  function allowTerminals(port: Port<FromVault>, allowed: boolean): void {
    if (allowed) forTerminals.add(port);
    else forTerminals.delete(port);
    if (forTerminals.size > 0) terminals.listen();
    else terminals.stop();
  }

  function addLink(page: Page, message: Said<"link">): void {
    const { link_id, kernel_id } = message;
    const forKernel = page.role === "widget";
    const kernelId = forKernel ? (kernel_id ?? undefined) : undefined;
    const wish = { ...message, account: forKernel ? undefined : message.account };
    const key = linkKey(forKernel, kernelId ?? page.number, link_id);
    const before = page.links.get(link_id);
    if (before && before.key !== key) dropPort(before, page.port); // the notebook has another kernel now
    const link = links.get(key) ?? createLink({ id: link_id, key, forKernel, kernelId, ...wish });
    links.set(key, link);
    page.links.set(link_id, link);
    link.ports.add(page.port);
    const changed = follow(link, wish);
    if (link.linkedTo) page.port.postMessage({ type: "linked", link_id, ...link.linkedTo });
    if (link.heard === false) forgetTold(link); // what was on its way by the page before may be lost with it
    if (!changed) publish(link);
    void prepareLink(link, changed);
  }

  /** @param changed something else was wanted before: its session may not be for this */
  async function prepareLink(link: Link, changed: boolean): Promise<void> {
    const { wanted } = link;
    try {
      const { request } = await completeRequest(link);
      if (link.wanted === wanted) {
        if (changed) reconsider(link, request);
        else findSession(link);
      }
    } catch {
      // Said below, where the same is asked for again.
      if (changed) publish(link);
    }
    void flow.prepare(link);
  }

  function dropPort(link: Link, port: Port<FromVault>): void {
    link.ports.delete(port);
    // Its kernel may run on with nobody looking; a page that can reach the kernel goes on serving it.
    if (link.ports.size === 0 && !(link.session && link.reached)) dropLink(link);
  }

  function dropLink(link: Link): void {
    flow.stop(link);
    links.delete(link.key);
    tellSessions();
  }

  // ---- providers -----------------------------------------------------------------------------------

  async function completeRequest(link: Link): Promise<{ request: LoginRequest } & ReturnType<typeof complete>> {
    const { wanted, account } = link;
    const completed = complete(wanted, await server.providers(), account);
    if (link.wanted === wanted) link.request = completed.request;
    return completed;
  }

  /** Where a link signs in; its pages are told whenever that is something new. */
  async function findDestination(link: Link): Promise<Destination> {
    const { wanted } = link;
    const completed = await completeRequest(link);
    const provider = await providerOf(completed.request);
    const destination = await destinationOf(completed, provider, await server.providers(), server.callback);
    if (link.wanted === wanted) tellLinked(link, destination.linkedTo);
    return destination;
  }

  function tellLinked(link: Link, linkedTo: LinkedTo): void {
    if (JSON.stringify(link.linkedTo) === JSON.stringify(linkedTo)) return;
    link.linkedTo = linkedTo;
    for (const port of link.ports) port.postMessage({ type: "linked", link_id: link.id, ...linkedTo });
  }

  /** What a provider is reached by: through the Jupyter server, where its administrator configured a relay. */
  function environmentOf({ relay, provider }: LoginRequest): Environment {
    return relay && provider ? relayed(environment, provider, server) : environment;
  }

  // ---- links and their sessions ------------------------------------------------------------------------

  /** One sign-in serves all: a session of the same provider and client is used without a click. */
  function findSession(link: Link): void {
    if (link.session && !link.session.over) return;
    offerSession(link);
  }

  function reconsider(link: Link, request: LoginRequest): void {
    const { session } = link;
    link.session = undefined;
    if (session && !session.over && serves(session, request, environment.now())) attach(link, session);
    else {
      publish(link);
      offerSession(link);
    }
  }

  function offerSession(link: Link): void {
    if (link.session && !link.session.over) return;
    const session = link.request && sessions.serving(link.request);
    if (!session) return;
    if (confirmSharing && link.forKernel) {
      link.offer = session;
      publish(link);
    } else {
      attach(link, session);
    }
  }

  function attach(link: Link, session: Session): void {
    link.offer = undefined;
    const { request } = link;
    if (!request) return;
    const settle = () => {
      if (session.over) return; // signed out while the token was on its way
      link.session = session;
      clear(link);
      if (link.anew) {
        link.anew = false;
        link.prepared = undefined; // it would ask who it is
        void flow.prepare(link);
      }
      // Signed in from elsewhere: a window that is still open here keeps nobody waiting, though its answer counts.
      link.abandoned = true;
      session.wake();
      publish(link);
      tellSessions();
    };
    if (session.knows(targetKey(request))) settle();
    // Another API or other scopes: a token of its own from the same sign-in. If that is not granted, the button stays.
    else session.refresh(request).then(settle, () => publish(link));
  }

  function endSession(session: Session): void {
    sessions.remove(session);
    const { provider, request, destination, idToken } = session;
    const logoutUrl = endSessionUrl(provider.metadata, request.client_id, destination.logout, idToken);
    void session.end();
    for (const link of links.values()) {
      if (link.offer === session) link.offer = undefined;
      if (link.session !== session) continue;
      link.session = undefined;
      clear(link);
      link.logoutUrl = logoutUrl;
      link.anew = true;
      link.prepared = undefined; // it would ask nobody
      publish(link);
      if (link.ports.size > 0) void flow.prepare(link);
      else dropLink(link);
    }
    tellSessions();
  }

  /** `w.refresh()` and `w.token(resource=…)`: the answer goes back to the kernel that asked. */
  async function answerRefresh(link: Link, message: Said<"refresh">): Promise<void> {
    const question = message.id;
    if (question && question === link.asked) return;
    link.asked = question ?? link.asked;
    const { session, request } = link;
    const { scopes, resource } = message;
    let answer: Record<string, unknown>;
    try {
      if (!session || !request) throw new Failure("no_token", undefined);
      const token = await session.refresh({
        ...request,
        scopes: scopes ?? request.scopes,
        resource: resource ?? request.resource,
      });
      answer = { access_token: token.value, expires_in: session.secondsLeft(token), lifetime: token.lifetime };
    } catch (failure) {
      answer = { error: forKernel(await problemOf(failure)) };
    }
    if (question) await deliver(link, "answer", { id: question, ...answer });
  }

  function tellSessions(): void {
    if (sidebars.size === 0) return;
    const list = describe(sessions.list, [...links.values()]);
    for (const port of sidebars) port.postMessage({ type: "sessions", sessions: list });
  }

  return { id, receive };
}
