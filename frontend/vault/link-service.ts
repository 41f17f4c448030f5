import type { Environment } from "../oauth/environment.js";
import { Failure } from "../oauth/failure.js";
import { endSessionUrl } from "../oauth/logout.js";
import { type LoginRequest, targetKey } from "../oauth/request.js";
import type { Clock } from "./clock.js";
import type { Deliveries } from "./delivery/delivery.js";
import { createPublisher, forKernel } from "./delivery/publish.js";
import { clear, createLink, follow, forgetTold, keyOf, type Link, linkKey } from "./links/link.js";
import type { FromVault, LinkedTo, Port, Role, ToVault } from "./messages.js";
import { problemOf } from "./problem.js";
import { complete, type Destination, destinationOf } from "./providers/destination.js";
import type { JupyterServer } from "./providers/jupyter-server.js";
import { providerCache } from "./providers/provider-cache.js";
import { relayed } from "./providers/relay.js";
import type { Session } from "./sessions/session.js";
import { createSessions } from "./sessions/sessions.js";
import { serves } from "./sessions/sharing-rules.js";
import { createSignInFlow } from "./sign-in/flow.js";

type Said<Type extends ToVault["type"]> = Extract<ToVault, { type: Type }>;
/** What is said of a link that is there. */
export type LinkMessage = Exclude<Extract<ToVault, { link_id: string }>, { type: "link" }>;

/** A port, its one role, and the links that it made, by the names it gave them. */
export interface Page {
  readonly port: Port<FromVault>;
  readonly number: number;
  readonly role: Role;
  readonly links: Map<string, Link>;
}

export interface LinkServiceContext {
  vaultId: string;
  clock: Clock;
  server: JupyterServer;
  deliveries: Deliveries;
  /** Sessions, or who uses them, are others now. */
  changed(): void;
  /** From now on it matters whose browser this is. */
  remember(): void;
}

/** Finds out where links sign in, signs them in, gives them sessions, and tells their pages and kernels. */
export interface LinkService {
  readonly sessions: readonly Session[];
  /** A person is asked before a widget uses a session that is there (a setting). */
  confirmSharing: boolean;
  all(): Link[];
  add(page: Page, message: Said<"link">): void;
  handle(page: Page, link: Link, message: LinkMessage): void;
  /** The page goes; a sign-in under way goes on without it. */
  letGo(link: Link, port: Port<FromVault>): void;
  /** Whose page went away in the middle of a sign-in: it is loaded anew, perhaps. */
  left(): Link[];
  /** Somebody else is here. */
  endAll(): void;
}

export function createLinkService(environment: Environment, context: LinkServiceContext): LinkService {
  const { clock, server, deliveries, changed, remember } = context;
  const links = new Map<string, Link>();
  const providerOf = providerCache(environmentOf);
  const { publish, deliver } = createPublisher(context.vaultId, deliveries, {
    brought: changed,
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
      remember(); // last: kernels' tokens have the same server to pass
    },
  });
  const sessions = createSessions(environment, {
    now: environment.now,
    clock,
    environmentOf,
    changed(session) {
      if (!sessions.list.includes(session)) return;
      publish(...[...links.values()].filter((link) => link.session === session));
      changed();
    },
    wanted(session, key) {
      const users = [...links.values()].filter(
        (link) => link.forKernel && link.session === session && keyOf(link) === key,
      );
      if (users.length > 0) return users.some((link) => link.options.auto_refresh);
      return targetKey(session.request) === key; // kept for whoever comes next
    },
  });

  function left(): Link[] {
    return [...links.values()].filter(({ begun, ports }) => begun && ports.size === 0);
  }

  function handle(page: Page, link: Link, message: LinkMessage): void {
    const { port } = page;
    switch (message.type) {
      case "unlink":
        page.links.delete(link.id);
        if (message.gone) link.reached = false;
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

  function add(page: Page, message: Said<"link">): void {
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
    const isOther = follow(link, wish);
    if (link.linkedTo) page.port.postMessage({ type: "linked", link_id, ...link.linkedTo });
    if (link.heard === false) forgetTold(link); // what was on its way by the page before may be lost with it
    if (!isOther) publish(link);
    void prepareLink(link, isOther);
  }

  /** @param isOther something else was wanted before: its session may not be for this */
  async function prepareLink(link: Link, isOther: boolean): Promise<void> {
    const { wanted } = link;
    try {
      const { request } = await completeRequest(link);
      if (link.wanted === wanted) {
        if (isOther) reconsider(link, request);
        else findSession(link);
      }
    } catch {
      // Said below, where the same is asked for again.
      if (isOther) publish(link);
    }
    void flow.prepare(link);
  }

  function letGo(link: Link, port: Port<FromVault>): void {
    if (!link.begun || link.ports.size > 1) {
      dropPort(link, port);
    } else {
      link.ports.delete(port);
      remember(); // whose it is
    }
  }

  function dropPort(link: Link, port: Port<FromVault>): void {
    link.ports.delete(port);
    // Its kernel may run on with nobody looking; a page that can reach the kernel goes on serving it.
    if (link.ports.size === 0 && !(link.session && link.reached)) dropLink(link);
  }

  function dropLink(link: Link): void {
    flow.stop(link);
    links.delete(link.key);
    changed();
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
    if (service.confirmSharing && link.forKernel) {
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
      changed();
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
    changed();
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

  const service: LinkService = {
    sessions: sessions.list,
    confirmSharing: false,
    all: () => [...links.values()],
    add,
    handle,
    letGo,
    left,
    endAll() {
      [...sessions.list].forEach(endSession);
      for (const link of left()) dropLink(link);
    },
  };
  return service;
}
