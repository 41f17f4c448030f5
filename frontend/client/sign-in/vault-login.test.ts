// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { wanted } from "../../testing/page.js";
import type { FromVault, LinkState, ToVault } from "../../vault/messages.js";
import type { VaultClient, VaultListener } from "../vault-client.js";
import { Login, type LoginSetup } from "./vault-login.js";

const URL_1 = "https://idp.example.com/authorize?state=one";
const SETUP: LoginSetup = { wanted: wanted() };

/** The vault's end of the line, in the hands of the test. */
class FakeVault {
  readonly said: ToVault[] = [];
  readonly #listeners = new Set<VaultListener>();
  readonly #greeters = new Set<() => void>();

  send = (message: ToVault): void => void this.said.push(message);
  introduceServer = (): void => undefined;
  listen = (listener: VaultListener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  onConnected = (greeter: () => void) => {
    this.#greeters.add(greeter);
    return () => this.#greeters.delete(greeter);
  };

  /** Whether a vault can be had. */
  there = true;
  connect = async () => this.there;

  greet(): void {
    for (const greeter of this.#greeters) greeter();
  }

  say(message: Parameters<VaultListener>[0]): void {
    for (const listener of this.#listeners) listener(message);
  }

  state(state: LinkState): void {
    this.say({ type: "state", link_id: "link-1", state });
  }

  all<Type extends ToVault["type"]>(type: Type): Extract<ToVault, { type: Type }>[] {
    return this.said.filter((message): message is Extract<ToVault, { type: Type }> => message.type === type);
  }
}

let opened: { url: string; closed: boolean; close: () => void; location: { replace: (url: string) => void } }[];
let blocking: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  [opened, blocking] = [[], false];
  vi.stubGlobal("open", (url: string) => {
    if (blocking) return null;
    const popup = {
      url,
      closed: false,
      close: () => {
        popup.closed = true;
      },
      location: {
        replace: (next: string) => {
          popup.url = next;
        },
        href: "about:blank",
      },
    };
    opened.push(popup);
    return popup;
  });
});
afterEach(() => vi.useRealTimers());

const prompt = () => vi.advanceTimersByTimeAsync(0);

async function linked({ prepared = true, setUp = async () => SETUP } = {}) {
  const vault = new FakeVault();
  const login = new Login(vault as unknown as VaultClient, "link-1", setUp, {
    auto_refresh: true,
    share_id_token: false,
  });
  vault.greet();
  await prompt();
  if (vault.all("link").length > 0) vault.state({ status: "signed_out" });
  if (prepared)
    vault.say({ type: "prepared", link_id: "link-1", prepared: { id: "p1", url: URL_1, configured: true } });
  return { vault, login };
}

describe("a click", () => {
  test("opens the prepared address at once, before anything is awaited, and tells the vault", async () => {
    const { vault, login } = await linked();
    login.signIn();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(login.state.status).toBe("signing_in");
    await prompt();
    expect(vault.all("begin")).toEqual([{ type: "begin", link_id: "link-1", prepared_id: "p1" }]);
  });

  test("opens an empty window where nothing is prepared yet, and sends it on", async () => {
    const { vault, login } = await linked({ prepared: false });
    login.signIn();
    expect(opened.map(({ url }) => url)).toEqual(["about:blank"]);
    await prompt();
    expect(vault.all("begin")).toMatchObject([{ prepared_id: undefined }]);
    vault.say({ type: "opened", link_id: "link-1", url: URL_1 });
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
  });

  test("before there is a vault waits for one, and keeps the link of a blocked window meanwhile", async () => {
    const vault = new FakeVault();
    let connected = () => {};
    vault.connect = () =>
      new Promise((resolve) => {
        connected = () => resolve(true);
      });
    const login = new Login(vault as unknown as VaultClient, "link-1", async () => SETUP, {
      auto_refresh: true,
      share_id_token: false,
    });
    blocking = true;
    login.signIn();
    vault.greet(); // there is one now: it is told of the link, and says what it knows of it
    connected();
    await prompt();
    vault.state({ status: "signed_out" });
    expect(login.blocked).toBe(true);
    expect(login.state.status).toBe("signing_in");
    vault.say({ type: "opened", link_id: "link-1", url: URL_1 });
    vault.state({ status: "signing_in" });
    blocking = false;
    login.openBlocked();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(vault.all("window_closed")).toEqual([]);
  });

  test("uses each prepared address once", async () => {
    const { login } = await linked();
    login.signIn();
    login.cancel();
    login.signIn();
    expect(opened.map(({ url }) => url)).toEqual([URL_1, "about:blank"]);
  });

  test("closes the empty window again when the vault can't find the provider", async () => {
    const { vault, login } = await linked({ prepared: false });
    login.signIn();
    await prompt();
    const failure = { code: "provider_unreachable", message: "No." } as const;
    vault.say({ type: "opened", link_id: "link-1", failure });
    vault.state({ status: "error", error: failure });
    expect(opened[0].closed).toBe(true);
    expect(login.state).toMatchObject({ status: "error", error: failure });
  });

  test("is not undone by what the vault said before it heard of it", async () => {
    const { vault, login } = await linked();
    login.signIn();
    vault.state({ status: "signed_out" });
    expect(login.state.status).toBe("signing_in");
    await prompt();
    vault.say({ type: "opened", link_id: "link-1" });
    vault.state({ status: "signed_in", account: "Alice" });
    expect(login.state.status).toBe("signed_in");
  });

  test("asks again for the settings when they could not be had", async () => {
    let down = true;
    const setUp = async () => {
      if (down) throw new Error("no server");
      return SETUP;
    };
    const { vault, login } = await linked({ setUp, prepared: false });
    down = false;
    login.signIn();
    await prompt();
    expect(vault.all("link")).toMatchObject([{ link_id: "link-1", wanted: SETUP.wanted }]);
    expect(vault.all("begin")).toHaveLength(1);
  });

  test("that can lead nowhere closes its window and says why", async () => {
    const setUp = () => Promise.reject(new Error("no server"));
    const { login } = await linked({ setUp, prepared: false });
    expect(login.state).toMatchObject({ status: "error", error: { code: "sign_in_failed" } });
    login.signIn();
    await prompt();
    expect(opened[0].closed).toBe(true);
    expect(login.state.status).toBe("error");
  });
});

describe("a blocked window", () => {
  test("is told, and its link opens the very sign-in that waits", async () => {
    const { vault, login } = await linked();
    blocking = true;
    login.signIn();
    await prompt();
    expect(login.blocked).toBe(true);
    // The vault prepares the next one meanwhile.
    vault.say({ type: "prepared", link_id: "link-1", prepared: { id: "p2", url: `${URL_1}-two`, configured: true } });
    blocking = false;
    login.openBlocked();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(login.blocked).toBe(false);
    expect(vault.all("begin")).toHaveLength(1);
  });

  test("can be cancelled", async () => {
    const { vault, login } = await linked();
    blocking = true;
    login.signIn();
    await prompt();
    login.cancel();
    expect(login.blocked).toBe(false);
    expect(login.state.status).toBe("signed_out");
    expect(vault.all("cancel")).toHaveLength(1);
  });
});

describe("Cancel", () => {
  test("works at once, with or without a vault that answers", async () => {
    const { vault, login } = await linked();
    login.signIn();
    login.cancel();
    expect(login.state.status).toBe("signed_out");
    expect(opened[0].closed).toBe(true);
    await prompt();
    expect(vault.said.at(-1)?.type).not.toBe("begin");
  });
});

describe("the state", () => {
  test("is signed in by the kernel's word where no vault knows of it (the page was reloaded), and says so", async () => {
    const { vault, login } = await linked();
    login.kernel = { status: "signed_in", account: "Alice", expires_in: 100 };
    expect(login.state).toMatchObject({ status: "signed_in", account: "Alice", expires_in: 100, unattended: true });
    vault.state({ status: "signed_in", account: "Alice", expires_in: 300 });
    expect(login.state).toMatchObject({ expires_in: 300 });
    expect(login.state.unattended).toBeUndefined();
  });

  test("is the vault's alone once it knows of a session: a sign-out elsewhere ends what the kernel said before", async () => {
    const { vault, login } = await linked();
    login.kernel = { status: "signed_in", account: "Alice" };
    vault.state({ status: "signed_in", account: "Alice" });
    login.kernel = { status: "signed_in", account: "Alice" };
    vault.state({ status: "signed_out" });
    expect(login.state.status).toBe("signed_out");
  });

  test("is not the kernel's any more after a sign-out", async () => {
    const { vault, login } = await linked();
    login.kernel = { status: "signed_in", account: "Alice" };
    login.signOut();
    expect(login.state.status).toBe("signed_out");
    expect(vault.all("sign_out")).toHaveLength(1);
  });

  test("tells that there is no vault to be had", async () => {
    const { vault, login } = await linked();
    const problem = { code: "vault_unavailable", message: "Can't be loaded." } as const;
    vault.say({ type: "unavailable", problem });
    expect(login.state).toMatchObject({ status: "error", error: problem });
  });

  test("of other links is none of ours", async () => {
    const { vault, login } = await linked();
    vault.say({ type: "state", link_id: "other", state: { status: "signed_in", account: "Bob" } });
    expect(login.state.status).toBe("signed_out");
  });

  test("reaches every view until it is gone", async () => {
    const { vault, login } = await linked();
    const [one, two] = [vi.fn(), vi.fn()];
    const forget = login.onChange(one);
    login.onChange(two);
    vault.state({ status: "signed_in" });
    forget();
    vault.state({ status: "signed_out" });
    expect(one).toHaveBeenCalledTimes(1);
    expect(two).toHaveBeenCalledTimes(2);
  });
});

test("a message for the kernel goes on by the comm exactly once, and a courier's does not", async () => {
  const { vault, login } = await linked();
  const deliver = vi.fn();
  login.onDeliver = deliver;
  const message = { link_id: "link-1", event: "token" as const, payload: { seq: 1, vault: "v" } };
  const say = (delivery: number, link_id = "link-1") =>
    vault.say({ type: "deliver", delivery, message: { ...message, link_id } } satisfies FromVault);
  say(0);
  say(7);
  say(0, "other");
  expect(deliver.mock.calls).toEqual([[message]]);
});

test("a click where there is no vault tries to get one, and leaves no window behind if there is none", async () => {
  const { vault, login } = await linked({ prepared: false });
  vault.there = false;
  login.signIn();
  const problem = { code: "vault_unavailable", message: "No.", hint: "Yes." } as const;
  vault.say({ type: "unavailable", problem });
  await prompt();
  expect(opened[0].closed).toBe(true);
  expect(login.state).toMatchObject({ status: "error", error: problem });
  vault.there = true;
  login.signIn();
  await prompt();
  expect(vault.all("begin")).toHaveLength(1);
});

test("a new vault is told of the link again", async () => {
  const { vault } = await linked();
  vault.greet();
  await prompt();
  expect(vault.all("link")).toHaveLength(2);
});

test("a view that is gone leaves nothing behind", async () => {
  const { vault, login } = await linked();
  login.signIn();
  await prompt();
  login.dispose();
  expect(vault.all("unlink")).toHaveLength(1);
  const before = vault.said.length;
  vault.greet();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(vault.said).toHaveLength(before);
});

describe("the provider's own sign-out", () => {
  test("is on offer after a sign-out; its window opens inside the click, and its address is asked for then", async () => {
    const { vault, login } = await linked();
    expect(login.canLogOut).toBe(false);
    vault.say({ type: "state", link_id: "link-1", state: { status: "signed_out", logout: true } });
    expect(login.canLogOut).toBe(true);
    login.logOut();
    expect(opened.map(({ url }) => url)).toEqual(["about:blank"]);
    expect(login.canLogOut).toBe(false); // a second click would open a second window, for which there is no address
    await prompt();
    expect(vault.all("log_out")).toHaveLength(1);
    vault.say({ type: "logout_url", link_id: "link-1", url: "https://idp.example.com/logout" });
    expect(opened.map(({ url }) => url)).toEqual(["https://idp.example.com/logout"]);
  });

  test("leaves no empty window where another tab has opened it, or where there is no vault any more", async () => {
    const { vault, login } = await linked();
    vault.state({ status: "signed_out", logout: true });
    login.logOut();
    await prompt();
    vault.say({ type: "logout_url", link_id: "link-1" });
    expect(opened[0].closed).toBe(true);
    vault.state({ status: "signed_out", logout: true });
    vault.there = false;
    login.logOut();
    await prompt();
    expect(opened[1].closed).toBe(true);
  });

  test("is not asked for where its window was blocked", async () => {
    const { vault, login } = await linked();
    vault.say({ type: "state", link_id: "link-1", state: { status: "signed_out", logout: true } });
    blocking = true;
    login.logOut();
    expect(vault.all("log_out")).toHaveLength(0);
    expect(login.canLogOut).toBe(true);
  });
});
