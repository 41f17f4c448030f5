// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import type { VaultClient } from "../client/vault-client.js";
import { settled } from "../testing/clock.js";
import type { ToVault } from "../vault/messages.js";
import { followTerminals, TerminalPermission, terminalPermission } from "./terminal-permission.js";
import type { ISignIns, Lines } from "./tokens.js";

beforeEach(() => localStorage.clear());

/** The labextension's way to the vault, and what is said on it. */
function signIns() {
  const said: ToVault[] = [];
  const prepare: ((lines: Lines) => Promise<void> | void)[] = [];
  const greeters: (() => void)[] = [];
  const connect = vi.fn(async () => {
    for (const greet of greeters) greet();
    return true;
  });
  const delivery = {
    send: (message: ToVault) => void said.push(message),
    onConnected: (greeter: () => void) => void greeters.push(greeter),
    connect,
  } as unknown as VaultClient;
  let loaded: Promise<Lines> | undefined;
  const lines = vi.fn(() => {
    loaded ??= (async () => {
      const made: Lines = { delivery, sidebar: delivery };
      await Promise.all(prepare.map((step) => step(made)));
      return made;
    })();
    return loaded;
  });
  const service = {
    lines,
    onLines: (step: (lines: Lines) => Promise<void> | void) => void prepare.push(step),
  } as unknown as ISignIns;
  return { service, said, connect, lines };
}

const permission = (baseUrl = "/", username = "alice") => new TerminalPermission(baseUrl, username);

test("it is off, and then nothing is loaded, connected or said", async () => {
  const { service, said, lines } = signIns();
  followTerminals(service, Promise.resolve(permission()));
  await settled();
  expect(lines).not.toHaveBeenCalled();
  expect(said).toEqual([]);
});

test("it holds in this browser, for this server and this user alone, until it is taken back", () => {
  permission().allowed = true;
  expect(permission().allowed).toBe(true);
  expect(permission("/user/alice/").allowed).toBe(false);
  expect(permission("/", "bob").allowed).toBe(false);
  permission().allowed = false;
  expect(localStorage).toHaveLength(0);
});

test("the vault is told when a page starts, and of each change, also another tab's", async () => {
  permission().allowed = true;
  const { service, said, connect } = signIns();
  const terminals = permission();
  followTerminals(service, Promise.resolve(terminals));
  await settled();
  expect(connect).toHaveBeenCalledTimes(1);
  expect(said.at(-1)).toEqual({ type: "terminals", allowed: true });
  localStorage.clear();
  dispatchEvent(new StorageEvent("storage", { key: null }));
  expect(said.at(-1)).toEqual({ type: "terminals", allowed: false });
  terminals.allowed = true;
  expect(said.at(-1)).toEqual({ type: "terminals", allowed: true });
});

test("a browser that refuses storage lets it hold for the page", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("", "SecurityError");
  });
  const terminals = permission();
  terminals.allowed = true;
  expect(terminals.allowed).toBe(true);
  expect(permission().allowed).toBe(false);
});

test("a server that does not say who is there has nobody in particular", async () => {
  const user = { ready: Promise.reject(new Error("404")), identity: null };
  expect((await terminalPermission("/", user as never)).allowed).toBe(false);
});
