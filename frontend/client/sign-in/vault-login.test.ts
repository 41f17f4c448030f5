// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loginRequest } from "../../testing/provider.js";
import type { FromVault, LinkState, ToVault } from "../../vault/messages.js";
import { NOTHING_WANTED } from "../../vault/messages.js";
import type { VaultClient, VaultListener } from "../vault-client.js";
import type { KernelState } from "./kernel-state.js";
import { type LinkSetup, VaultLogin } from "./vault-login.js";

const URL_1 = "https://idp.example.com/authorize?state=one";
const URL_2 = "https://idp.example.com/authorize?state=two";
const WANTED = { ...NOTHING_WANTED, authority: "https://idp.example.com", client_id: "notebooks" };
const SETUP: LinkSetup = { wanted: WANTED, options: { auto_refresh: true, share_id_token: false }, kernel_id: "k" };

/** The vault's end of the line, in the hands of the test. */
class FakeVault {
  id = "vault-1";
  inPage = false;
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

/** A window as its opener has it. */
class Popup {
  closed = false;
  opener: unknown = "this page";
  /** Whether the opener was there when the window was sent on. */
  readonly sent: string[] = [];
  readonly location = {
    href: "about:blank",
    replace: (url: string) => {
      this.url = url;
    },
  };
  url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Without the opener it no longer obeys (measured in Chromium). */
  close(): void {
    if (this.opener) this.closed = true;
  }
}

const PASTE = { authorization_url: "https://idp.example.com/authorize", redirect_uri: "http://localhost:8888/" };

let opened: Popup[];
let blocking: boolean;
/** What happens while a window opens: Firefox delivers messages then. */
let whileOpening: () => void;
/** Whether the provider answers at all. */
let answers: () => Promise<Response>;

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
  [opened, blocking, whileOpening] = [[], false, () => {}];
  answers = async () => new Response();
  vi.stubGlobal("fetch", () => answers());
  vi.stubGlobal("open", (url: string) => {
    if (blocking) return null;
    const popup = new Popup(url);
    opened.push(popup);
    whileOpening();
    return popup;
  });
});
afterEach(() => vi.useRealTimers());

const prompt = () => vi.advanceTimersByTimeAsync(0);

/** A link that the vault knows, with a sign-in at a configured provider ready, or at one that nobody vouches for. */
async function linked({ prepared = true, configured = true } = {}) {
  const vault = new FakeVault();
  const login = new VaultLogin(vault as unknown as VaultClient, "link-1", SETUP);
  vault.greet();
  await prompt();
  vault.state({ status: "signed_out" });
  if (prepared) vault.say({ type: "prepared", link_id: "link-1", prepared: { id: "p1", url: URL_1, configured } });
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
    vault.say({ type: "opened", link_id: "link-1", url: URL_1, configured: true });
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
  });

  test("with an address that is none any more shows the link to the one that is", async () => {
    const { vault, login } = await linked();
    login.signIn();
    await prompt();
    vault.say({ type: "opened", link_id: "link-1", url: URL_2, configured: true });
    expect(opened.map(({ closed }) => closed)).toEqual([true]);
    expect(login.state).toMatchObject({ status: "signing_in", window: "blocked" });
    login.openWindow();
    expect(opened.map(({ url }) => url)).toEqual([URL_1, URL_2]);
  });

  test("after the vault's end does not take what that one had prepared", async () => {
    const { vault, login } = await linked();
    vault.greet();
    login.signIn();
    expect(opened.map(({ url }) => url)).toEqual(["about:blank"]);
    await prompt();
    expect(vault.all("begin")).toMatchObject([{ prepared_id: undefined }]);
  });

  test("before there is a vault waits for one, and keeps the link of a blocked window meanwhile", async () => {
    const vault = new FakeVault();
    let connected = () => {};
    vault.connect = () =>
      new Promise((resolve) => {
        connected = () => resolve(true);
      });
    const login = new VaultLogin(vault as unknown as VaultClient, "link-1", SETUP);
    blocking = true;
    login.signIn();
    vault.greet(); // there is one now: it is told of the link, and says what it knows of it
    connected();
    await prompt();
    vault.state({ status: "signed_out" });
    expect(login.state.window).toBe("blocked");
    expect(login.state.status).toBe("signing_in");
    vault.say({ type: "opened", link_id: "link-1", url: URL_1, configured: true });
    vault.state({ status: "signing_in" });
    blocking = false;
    login.openWindow();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(vault.all("window_closed")).toEqual([]);
  });

  test("right after a sign-out does not use what was prepared before, which asks nobody who it is", async () => {
    const { vault, login } = await linked();
    login.signOut();
    login.signIn();
    await prompt();
    expect(vault.all("begin")).toMatchObject([{ prepared_id: undefined }]);
    expect(opened.map(({ url }) => url)).toEqual(["about:blank"]);
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
});

describe("what arrives while a window opens, as it does in Firefox,", () => {
  const prepares = (vault: FakeVault, id: string, url: string) => () =>
    vault.say({ type: "prepared", link_id: "link-1", prepared: { id, url, configured: true } });

  test("is not taken for what the window was opened with: an empty one is sent on", async () => {
    const { vault, login } = await linked({ prepared: false });
    whileOpening = prepares(vault, "p1", URL_1);
    login.signIn();
    await prompt();
    expect(vault.all("begin")).toMatchObject([{ prepared_id: undefined }]);
    vault.say({ type: "opened", link_id: "link-1", url: `${URL_1}&anew`, configured: true });
    expect(opened.map(({ url }) => url)).toEqual([`${URL_1}&anew`]);
  });

  test("nor does a newer address become the one that the window went to", async () => {
    const { vault, login } = await linked();
    whileOpening = prepares(vault, "p2", `${URL_1}&renewed`);
    login.signIn();
    await prompt();
    expect(vault.all("begin")).toMatchObject([{ prepared_id: "p1" }]);
  });

  test("sends the window of the link on, when it is the address", async () => {
    const { vault, login } = await linked({ prepared: false });
    login.ask();
    await prompt();
    whileOpening = () => vault.say({ type: "opened", link_id: "link-1", url: URL_1, configured: false });
    login.openWindow();
    expect(opened).toMatchObject([{ url: URL_1, opener: null }]);
  });

  test("leaves no window of the link behind, when the sign-in is cancelled", async () => {
    const { login } = await linked({ prepared: false });
    login.ask();
    await prompt();
    whileOpening = () => login.cancel();
    login.openWindow();
    expect(opened).toMatchObject([{ closed: true }]);
    expect(login.state.status).toBe("signed_out");
  });
});

describe("the window of a provider that nobody vouches for", () => {
  test("has no opener from the very task that sends it there, so that no page of it can move this one", async () => {
    const { login } = await linked({ configured: false });
    login.signIn();
    expect(opened.map(({ url, opener }) => [url, opener])).toEqual([[URL_1, null]]);
  });

  test("is this page's while it is empty", async () => {
    const { vault, login } = await linked({ prepared: false });
    login.signIn();
    expect(opened[0].opener).not.toBeNull();
    await prompt();
    vault.say({ type: "opened", link_id: "link-1", url: URL_1, configured: false });
    expect([opened[0].url, opened[0].opener]).toEqual([URL_1, null]);
  });

  test("that the vault does not call configured counts as such", async () => {
    const { vault, login } = await linked({ prepared: false });
    login.signIn();
    await prompt();
    vault.say({ type: "opened", link_id: "link-1", url: URL_1 });
    expect(opened[0].opener).toBeNull();
  });

  test("stays open after Cancel, which is told; an empty one is closed", async () => {
    const { vault, login } = await linked({ configured: false });
    login.signIn();
    login.cancel();
    expect(opened[0].closed).toBe(false);
    expect(login.state).toMatchObject({ status: "signed_out", leftOpen: true });
    login.signIn();
    login.cancel();
    expect(opened[1].closed).toBe(true);
    expect(login.state.leftOpen).toBe(false);
    expect(vault.all("cancel")).toHaveLength(2);
  });

  test("which is a configured one's keeps its opener, and is closed by Cancel", async () => {
    const { login } = await linked();
    login.signIn();
    expect(opened[0].opener).not.toBeNull();
    login.cancel();
    expect(opened[0].closed).toBe(true);
    expect(login.state.leftOpen).toBe(false);
  });
});

describe("a kernel that asks for a sign-in", () => {
  test("opens no window; a link is shown, and a click on it opens the sign-in that waits", async () => {
    const { vault, login } = await linked();
    login.ask();
    await prompt();
    expect(opened).toEqual([]);
    expect(login.state).toMatchObject({ status: "signing_in", window: "asked" });
    expect(vault.all("begin")).toMatchObject([{ prepared_id: "p1" }]);
    login.openWindow();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(login.state.window).toBeUndefined();
  });

  test("before anything is prepared: the link's window is sent on, whenever it was opened", async () => {
    for (const early of [true, false]) {
      const { vault, login } = await linked({ prepared: false });
      login.ask();
      await prompt();
      if (early) login.openWindow();
      vault.say({ type: "opened", link_id: "link-1", url: URL_1, configured: true });
      if (!early) login.openWindow();
      expect(opened.at(-1)?.url).toBe(URL_1);
    }
  });

  test("changes nothing about a sign-in that is under way", async () => {
    const { vault, login } = await linked();
    login.signIn();
    await prompt();
    login.ask();
    await prompt();
    expect(vault.all("begin")).toHaveLength(1);
    expect(login.state.window).toBeUndefined();
  });
});

describe("a provider that nobody comes back from", () => {
  const stalled = async (meanwhile: (login: VaultLogin) => void = () => {}) => {
    const { vault, login } = await linked();
    login.onStalled = vi.fn();
    vault.say({
      type: "linked",
      link_id: "link-1",
      redirect_uri: "",
      host: "idp.example.com",
      configured: true,
      request: loginRequest(),
    });
    login.signIn();
    await prompt();
    vault.say({ type: "opened", link_id: "link-1" });
    vault.state({ status: "signing_in" });
    meanwhile(login);
    await vi.advanceTimersByTimeAsync(2000);
    return { vault, login };
  };

  test("is said to give no answer, where it gives none", async () => {
    answers = () => Promise.reject(new TypeError("Failed to fetch"));
    const { vault, login } = await stalled();
    expect(vault.all("window_closed")).toMatchObject([
      { problem: { code: "provider_unreachable", message: expect.stringContaining("idp.example.com") } },
    ]);
    expect(login.onStalled).not.toHaveBeenCalled();
  });

  test("is asked by the kernel, where it answers", async () => {
    const { vault, login } = await stalled();
    expect(login.onStalled).toHaveBeenCalledWith(1, loginRequest());
    expect(vault.all("window_closed")).toEqual([]);
  });

  test("is not asked for a notebook that was closed meanwhile", async () => {
    const ask = vi.fn();
    await stalled((login) => {
      login.onStalled = ask;
      login.dispose();
    });
    expect(ask).not.toHaveBeenCalled();
  });
});

describe("a window that closes", () => {
  async function closing() {
    const line = await linked();
    line.login.signIn();
    await prompt();
    line.vault.say({ type: "opened", link_id: "link-1" });
    line.vault.state({ status: "signing_in" });
    opened[0].closed = true;
    return line;
  }

  test("by the callback page asks the provider nothing, which has the token request to answer", async () => {
    answers = vi.fn(answers);
    const { vault } = await closing();
    await vi.advanceTimersByTimeAsync(200);
    vault.state({ status: "signed_in", account: "Alice" });
    await vi.advanceTimersByTimeAsync(1500);
    expect(answers).not.toHaveBeenCalled();
  });

  test("before the provider's page came asks whether the provider answers at all", async () => {
    answers = vi.fn(() => Promise.reject(new TypeError("Failed to fetch")));
    const { vault } = await closing();
    await vi.advanceTimersByTimeAsync(500);
    expect(answers).toHaveBeenCalledTimes(1);
    expect(vault.all("window_closed")).toHaveLength(1);
  });
});

describe("a session that the browser has lost", () => {
  test("is told in the tab that had it, once it has another vault; and in no other", async () => {
    const { vault } = await linked();
    vault.state({ status: "signed_in", account: "Alice" });
    const again = async (id: string) => {
      const next = new FakeVault();
      next.id = id;
      const login = new VaultLogin(next as unknown as VaultClient, "link-2", SETUP);
      next.greet();
      next.say({ type: "state", link_id: "link-2", state: { status: "signed_out" } });
      return login.state.lost;
    };
    expect(await again("vault-1")).toBeUndefined();
    expect(await again("vault-2")).toBe("crash");
    const [[key, note]] = Object.entries({ ...sessionStorage });
    sessionStorage.setItem(key, note.replace(String(performance.timeOrigin), "1")); // of the page before its reload
    expect(await again("vault-2")).toBe("reload");
    expect(sessionStorage.length).toBe(1);
    expect(JSON.stringify({ ...sessionStorage })).not.toContain("Alice");
    vault.state({ status: "signed_out" });
    expect(await again("vault-2")).toBeUndefined();
  });
});

describe("a kernel that waits for a sign-in whose vault is gone", () => {
  test("is told so by the next vault", async () => {
    const { vault, login } = await linked();
    login.signIn();
    await prompt();
    vault.say({ type: "opened", link_id: "link-1" });
    vault.state({ status: "signing_in" });
    vault.greet(); // there is a new one
    expect(vault.all("tell_again")).toEqual([{ type: "tell_again", link_id: "link-1" }]);
  });

  test("is told so when a page finds it waiting", async () => {
    const { vault, login } = await linked();
    login.kernel = { status: "signing_in" };
    expect(vault.all("tell_again")).toHaveLength(1);
  });

  test.each<[string, LinkState, KernelState]>([
    ["goes on with it", { status: "signing_in" }, { status: "signing_in" }],
    ["has ended it", { status: "signed_in" }, { status: "signing_in" }],
    ["never had it", { status: "signed_out" }, { status: "signing_in", paste: PASTE }],
  ])("is left alone where the vault %s", async (_, state, kernel) => {
    const { vault, login } = await linked();
    vault.state(state);
    login.kernel = kernel;
    expect(vault.all("tell_again")).toEqual([]);
  });
});

describe("a blocked window", () => {
  test("is told, and its link opens the very sign-in that waits", async () => {
    const { vault, login } = await linked();
    blocking = true;
    login.signIn();
    await prompt();
    expect(login.state.window).toBe("blocked");
    // The vault prepares the next one meanwhile.
    vault.say({ type: "prepared", link_id: "link-1", prepared: { id: "p2", url: `${URL_1}-two`, configured: true } });
    blocking = false;
    login.openWindow();
    expect(opened.map(({ url }) => url)).toEqual([URL_1]);
    expect(login.state.window).toBeUndefined();
    expect(vault.all("begin")).toHaveLength(1);
  });

  test("can be cancelled", async () => {
    const { vault, login } = await linked();
    blocking = true;
    login.signIn();
    await prompt();
    login.cancel();
    expect(login.state.window).toBeUndefined();
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
  test("says who is signed in by the kernel's word, and ends with a sign-out", async () => {
    const { vault, login } = await linked();
    login.kernel = { status: "signed_in", account: "Alice", expires_in: 100 };
    expect(login.state).toMatchObject({ status: "signed_in", account: "Alice", holder: "elsewhere" });
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

test("a message for the kernel goes on by the comm exactly once, and what goes by the control channel does not", async () => {
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
  expect(vault.all("link")).toEqual([
    { type: "link", link_id: "link-1", ...SETUP },
    { type: "link", link_id: "link-1", ...SETUP },
  ]);
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
    expect(login.state.logout).toBeFalsy();
    vault.say({ type: "state", link_id: "link-1", state: { status: "signed_out", logout: true } });
    expect(login.state.logout).toBe(true);
    login.logOut();
    expect(opened.map(({ url }) => url)).toEqual(["about:blank"]);
    expect(login.state.logout).toBeFalsy(); // a second click would open a second window, for which there is no address
    await prompt();
    expect(vault.all("log_out")).toHaveLength(1);
    vault.say({ type: "logout_url", link_id: "link-1", url: "https://idp.example.com/logout" });
    expect(opened.map(({ url, opener }) => [url, opener])).toEqual([["https://idp.example.com/logout", null]]);
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
    expect(login.state.logout).toBe(true);
  });
});
