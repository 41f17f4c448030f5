import { type Environment, randomString } from "../oauth/environment.js";
import { Failure } from "../oauth/failure.js";
import { endSessionUrl } from "../oauth/logout.js";
import { type LoginRequest, targetKey } from "../oauth/request.js";
import type { Clock } from "./clock.js";
import { createPostOffice } from "./delivery/delivery.js";
import type { Keeper } from "./keeper.js";
import { clear, createLink, follow, isForKernel, type Link, shownOf, stateOf, tokenOf } from "./links/link.js";
import {
  type Delivery,
  type FromVault,
  type Port,
  pageLock,
  type ServerAccess,
  type ToVault,
  type VaultSettings,
} from "./messages.js";
import { problemOf } from "./problem.js";
import { providerCache } from "./provider-cache.js";
import type { Session } from "./sessions/session.js";
import { createSessions } from "./sessions/sessions.js";
import { serves } from "./sessions/sharing-rules.js";
import { createReception } from "./sign-in/flow.js";

type LinkMessage = Extract<ToVault, { link_id: string }>;

/**
 * Sessions, the sign-ins under way, and everybody who wants to hear of them. The only place where refresh tokens,
 * ID tokens, verifiers, `state` and `nonce` live; no message to a page carries one, but for the addresses that
 * windows are opened with.
 */
export interface Vault {
  readonly id: string;
  receive(port: Port<FromVault>, message: ToVault): void;
}

/** @param store the name of its sealed storage, for people who want to stay signed in across a reload */
export function createVault(environment: Environment, clock: Clock, store?: string): Vault {
  const id = randomString(environment);
  const links = new Map<string, Link>();
  /** Pages that want to hear of all sessions. */
  const sidebars = new Set<Port<FromVault>>();
  const providerOf = providerCache(environmentOf);
  const posts = createPostOffice(clock);
  const reception = createReception({
    clock,
    providerOf,
    environmentOf,
    publish,
    signedIn(link, result) {
      const session = sessions.enter(result);
      attach(link, session);
      for (const other of links.values()) {
        if (other !== link && serves(session, other.request)) findSession(other);
      }
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
      keeper?.changed();
    },
    wanted(session, key) {
      const users = [...links.values()].filter(
        (link) => isForKernel(link) && link.session === session && targetKey(link.request) === key,
      );
      if (users.length > 0) return users.some((link) => link.options.auto_refresh);
      return targetKey(session.request) === key; // kept for whoever comes next
    },
  });
  let settings: VaultSettings | undefined;
  let server: ServerAccess | undefined;
  let keeper: Keeper | undefined;

  function receive(port: Port<FromVault>, message: ToVault): void {
    switch (message.type) {
      case "hello":
        welcome(port, message.page_id, message.courier);
        return;
      case "bye":
        leave(port);
        return;
      case "server":
        // Refresh tokens go there: no page may send them to another origin.
        if (message.server.baseUrl.startsWith(`${globalThis.location?.origin}/`)) server = message.server;
        return;
      case "settings":
        apply(message.settings);
        return;
      case "list_sessions":
        sidebars.add(port);
        tellSessions();
        return;
      case "wake":
        for (const session of sessions.list) session.wake();
        return;
      case "link":
        addLink(port, message);
        return;
      case "result":
        posts.answered(port, message.delivery, message);
        return;
    }
    const link = links.get(message.link_id);
    if (link) receiveForLink(port, link, message);
  }

  function receiveForLink(port: Port<FromVault>, link: Link, message: LinkMessage): void {
    switch (message.type) {
      case "unlink":
        dropPort(link, port);
        return;
      case "begin":
        void reception.begin(port, link, message.prepared_id);
        return;
      case "cancel":
        reception.stop(link);
        publish(link);
        return;
      case "window_closed":
        if (!link.begun || link.begun.answered) return;
        link.abandoned = true;
        link.problem = message.problem;
        publish(link);
        return;
      case "accept":
        if (link.offer) attach(link, link.offer);
        return;
      case "sign_out":
        reception.stop(link);
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
      case "tell_kernel":
        void deliver(link, message.event, message.payload);
        return;
    }
  }

  // ---- pages and links ---------------------------------------------------------------------------

  function welcome(port: Port<FromVault>, pageId: string, courier: boolean): void {
    // A page holds this lock for as long as it lives; a crash says no "bye".
    void navigator.locks?.request(pageLock(pageId), () => leave(port));
    port.postMessage({ type: "welcome", vault_id: id });
    if (courier) posts.couriers.add(port);
  }

  function leave(port: Port<FromVault>): void {
    posts.leave(port);
    sidebars.delete(port);
    for (const link of links.values()) {
      if (link.ports.has(port)) dropPort(link, port);
    }
  }

  function apply(next: VaultSettings): void {
    const before = settings?.persistHours;
    settings = next;
    if (before !== next.persistHours) void keep(next.persistHours);
  }

  /** Keeps sessions across a reload of the only tab for so many hours; 0: sees to it that nothing is kept. */
  async function keep(hours: number): Promise<void> {
    if (!store) return;
    if (hours > 0 && !keeper) {
      const { Keeper } = await import("./keeper.js");
      keeper ??= new Keeper(store, providerOf, sessions);
    }
    await keeper?.start(hours);
    if (!(hours > 0)) globalThis.indexedDB?.deleteDatabase(store);
    for (const link of links.values()) findSession(link);
    tellSessions();
  }

  function addLink(port: Port<FromVault>, message: LinkMessage & { type: "link" }): void {
    const { link_id, request, options, forward_to } = message;
    let link = links.get(link_id);
    if (!link) {
      link = createLink(link_id, request, options, forward_to);
      links.set(link_id, link);
    }
    follow(link, request, options);
    link.ports.add(port);
    port.postMessage({ type: "state", link_id, state: stateOf(link) });
    findSession(link);
    void reception.prepare(link);
  }

  function dropPort(link: Link, port: Port<FromVault>): void {
    link.ports.delete(port);
    // Its kernel may run on with nobody looking; a courier that knows the kernel goes on serving it.
    if (link.ports.size === 0 && !(link.session && link.kernelId)) dropLink(link);
  }

  function dropLink(link: Link): void {
    reception.stop(link);
    links.delete(link.id);
    tellSessions();
  }

  // ---- links and their sessions ------------------------------------------------------------------------

  /** One sign-in serves all: a session of the same provider and client is used without a click. */
  function findSession(link: Link): void {
    if (link.session && !link.session.over) return;
    const session = sessions.serving(link.request);
    if (!session) return;
    if (settings?.confirmSharing && !link.session && isForKernel(link)) {
      link.offer = session;
      publish(link);
    } else {
      attach(link, session);
    }
  }

  function attach(link: Link, session: Session): void {
    link.offer = undefined;
    const settle = () => {
      if (session.over) return; // signed out while the token was on its way
      link.session = session;
      clear(link);
      // Signed in from elsewhere: a window that is still open here keeps nobody waiting, though its answer counts.
      link.abandoned = true;
      session.wake();
      publish(link);
      tellSessions();
    };
    if (session.knows(targetKey(link.request))) settle();
    // Another API or other scopes: a token of its own from the same sign-in. If that is not granted, the button stays.
    else session.refresh(link.request).then(settle, () => publish(link));
  }

  function endSession(session: Session): void {
    sessions.remove(session);
    const { provider, request, idToken } = session;
    const logoutUrl = endSessionUrl(provider.metadata, request.client_id, idToken);
    void session.end();
    for (const link of links.values()) {
      if (link.offer === session) link.offer = undefined;
      if (link.session !== session) continue;
      link.session = undefined;
      clear(link);
      link.logoutUrl = logoutUrl;
      publish(link);
      void reception.prepare(link);
    }
    tellSessions();
    keeper?.changed();
  }

  /** `w.refresh()` and `w.token(resource=…)`: the answer goes back to the kernel that asked. */
  async function answerRefresh(link: Link, message: LinkMessage & { type: "refresh" }): Promise<void> {
    const question = message.id;
    if (question && question === link.asked) return;
    link.asked = question ?? link.asked;
    const { session, request } = link;
    const { scopes, resource } = message;
    let answer: Record<string, unknown>;
    try {
      if (!session) throw new Failure("no_token", undefined);
      const token = await session.refresh({
        ...request,
        scopes: scopes ?? request.scopes,
        resource: resource ?? request.resource,
      });
      answer = { access_token: token.value, expires_in: session.secondsLeft(token), lifetime: token.lifetime };
    } catch (failure) {
      answer = { error: await problemOf(failure) };
    }
    if (question) await deliver(link, "answer", { id: question, ...answer });
  }

  /** What a provider is reached by: through the Jupyter server, where its administrator configured a relay. */
  function environmentOf({ relay, provider }: LoginRequest): Environment {
    if (!relay || !provider || !server) return environment;
    const access = () => server as ServerAccess; // its headers may change while a session lasts
    return {
      ...environment,
      async fetch(...request) {
        const { relayed } = await import("./relay.js");
        return relayed(environment, provider, access).fetch(...request);
      },
    };
  }

  // ---- telling -------------------------------------------------------------------------------------------

  /** Tells the views of a link, and its kernel if something has changed for it. */
  function publish(link: Link): void {
    const { session, told } = link;
    const state = stateOf(link);
    const token = tokenOf(link);
    for (const port of link.ports) port.postMessage({ type: "state", link_id: link.id, state });
    const { status, error } = state;
    const [serial, before] = [token?.serial, told.serial];
    link.told = { serial, shown: shownOf(state) };
    if (token && session && serial !== before) {
      void deliver(link, "token", {
        access_token: token.value,
        expires_in: session.secondsLeft(token),
        lifetime: token.lifetime,
        claims: session.claims,
        account: session.account,
        session: session.id,
        ...(link.options.share_id_token && { id_token: session.idToken }),
      });
    } else if (serial !== before || link.told.shown !== told.shown) {
      // `ended`: the token that this vault brought is over; else the kernel keeps one that came from elsewhere.
      void deliver(link, "status", { status, error, ended: before !== undefined && serial === undefined });
    }
  }

  async function deliver(link: Link, event: Delivery["event"], payload: Record<string, unknown>): Promise<void> {
    if (!isForKernel(link)) return;
    link.seq += 1;
    const message = { link_id: link.id, event, payload: { ...payload, seq: link.seq, vault: id } };
    const { result, kernel_id, place } = await posts.send(message, link.ports, link.kernelId);
    if (result === "delivered") {
      link.kernelId = kernel_id;
      link.place = place ?? link.place;
      tellSessions();
    }
    if (result === "not_mine" && link.ports.size === 0 && links.get(link.id) === link) dropLink(link);
  }

  /** Nothing depends on it: who opens a sidebar that can't be told finds it empty. */
  function tellSessions(): void {
    if (sidebars.size === 0) return;
    import("./links/link-state.js").then(
      ({ describe }) => {
        const list = describe(sessions.list, [...links.values()]);
        for (const port of sidebars) port.postMessage({ type: "sessions", sessions: list });
      },
      () => undefined,
    );
  }

  return { id, receive };
}
