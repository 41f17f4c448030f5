import { type Environment, randomString } from "../oauth/environment.js";
import type { Clock } from "./clock.js";
import { createDeliveries } from "./delivery/delivery.js";
import { checked } from "./guards.js";
import { createLinkService, type Page } from "./link-service.js";
import { type FromVault, type Port, pageLock, type Role, type ToVault } from "./messages.js";
import { createJupyterServer } from "./providers/jupyter-server.js";
import { maySay } from "./roles.js";
import { describe } from "./sessions/describe.js";
import { terminalToken } from "./terminal-token.js";
import { createTerminals } from "./terminals.js";
import { createUserCheck } from "./user-check.js";

type Said<Type extends ToVault["type"]> = Extract<ToVault, { type: Type }>;

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
  /** Pages that want to hear of all sessions. */
  const sidebars = new Set<Port<FromVault>>();
  /** Pages that let terminals have access tokens. */
  const forTerminals = new Set<Port<FromVault>>();
  const server = createJupyterServer(environment, place.filesUrl);
  const deliveries = createDeliveries(clock);
  const links = createLinkService(environment, {
    vaultId: id,
    clock,
    server,
    deliveries,
    changed: tellSessions,
    remember: () => userCheck.remember(),
  });
  const userCheck = createUserCheck({
    clock,
    user: server.user,
    hasSessions,
    endSessions: links.endAll,
  });
  const terminals = createTerminals(environment, {
    clock,
    server,
    tokenFor: (provider) => terminalToken(provider, links.sessions, server, environment.now()),
  });
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
    return links.sessions.length > 0 || links.left().length > 0;
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
        for (const session of links.sessions) session.wake();
        return;
      case "settings":
        links.confirmSharing = message.settings.confirmSharing;
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
        links.add(page, message);
        return;
    }
    const link = page.links.get(message.link_id);
    if (link) links.handle(page, link, message);
  }

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
    for (const link of page?.links.values() ?? []) links.letGo(link, port);
  }

  function allowTerminals(port: Port<FromVault>, allowed: boolean): void {
    if (allowed) forTerminals.add(port);
    else forTerminals.delete(port);
    if (forTerminals.size > 0) terminals.listen();
    else terminals.stop();
  }

  function tellSessions(): void {
    if (sidebars.size === 0) return;
    const list = describe(links.sessions, links.all());
    for (const port of sidebars) port.postMessage({ type: "sessions", sessions: list });
  }

  return { id, receive };
}
