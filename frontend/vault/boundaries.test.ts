/** What the trust model forbids (SECURITY.md), tried over the port: by pages, by kernels, by providers. */
import { describe, expect, test, vi } from "vitest";
import { settled, until } from "../testing/clock.js";
import { landingOf, wanted } from "../testing/page.js";
import { ALICE, BOB } from "../testing/provider.js";
import { vaultAndProvider } from "../testing/vault.js";

const ONE = "link-1";
const API = "https://api.example.com";

describe("a kernel", () => {
  test("that names its link like a row of the sidebar reaches nothing of that row", async () => {
    const { page } = await vaultAndProvider();
    const name = 'sidebar ["Corp",{}]';
    const sidebar = page("sidebar");
    sidebar.say({ type: "settings", settings: { confirmSharing: true } });
    sidebar.link(name);
    await sidebar.signIn(name);
    const tab = page();
    tab.link(name);
    await until(() => tab.state(name)?.offer);
    tab.say({ type: "refresh", link_id: name, id: "q" });
    await settled();
    expect(tab.delivered(name, "token")).toEqual([]);
    expect(JSON.stringify(tab.received)).not.toContain("access-");
    expect(sidebar.delivered(name)).toEqual([]);
  });

  test("that takes the id of another kernel's link (a copied notebook, restored state) is not that link", async () => {
    const { page, clock } = await vaultAndProvider();
    const [tab, copy] = [page(), page()];
    page("sidebar").say({ type: "settings", settings: { confirmSharing: true } });
    tab.link(ONE);
    await tab.signIn(ONE);
    copy.link(ONE, {}, { kernel_id: "kernel-2" });
    await until(() => copy.state(ONE)?.offer);
    copy.say({ type: "refresh", link_id: ONE, id: "q" });
    await clock.advance(300); // and nothing of the next token either
    expect(copy.delivered(ONE, "token")).toEqual([]);
    expect(JSON.stringify(copy.received)).not.toContain("access-");
    copy.say({ type: "sign_out", link_id: ONE });
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("of which nobody knows joins no other page's link", async () => {
    const { page } = await vaultAndProvider();
    page("sidebar").say({ type: "settings", settings: { confirmSharing: true } });
    const [tab, other] = [page(), page()];
    tab.link(ONE, {}, { kernel_id: null });
    await tab.signIn(ONE);
    other.link(ONE, {}, { kernel_id: null });
    await until(() => other.state(ONE)?.offer);
    expect(other.delivered(ONE, "token")).toEqual([]);
    expect(tab.delivered(ONE, "token")).toHaveLength(1);
  });

  test("gets tokens of its own links alone, by the control channel too", async () => {
    const { page } = await vaultAndProvider();
    const channel = page("delivery");
    channel.result = "delivered";
    const [tab, other] = [page(), page()];
    tab.link(ONE, {}, { kernel_id: "kernel-1" });
    other.link("link-2", {}, { kernel_id: "kernel-2" });
    await tab.signIn(ONE);
    await until(() => channel.delivered("link-2", "token").length > 0);
    const sent = channel.all("deliver").map(({ kernel_id, message }) => `${message.link_id} ${kernel_id}`);
    expect(new Set(sent)).toEqual(new Set(["link-1 kernel-1", "link-2 kernel-2"]));
  });

  test("two tabs of one notebook are one link", async () => {
    const { idp, page } = await vaultAndProvider();
    const [tab, other] = [page(), page()];
    tab.link(ONE);
    other.link(ONE);
    await tab.signIn(ONE);
    expect(other.state(ONE)?.status).toBe("signed_in");
    expect(idp.tokenRequests).toHaveLength(1);
  });

  test.each([
    ["an authority that is a number", wanted({ authority: 5 as never })],
    ["an authority that is no address", wanted({ authority: "::" })],
    ["scopes without end", wanted({ scopes: Array.from({ length: 5000 }, String) })],
    ["parameters that are no texts", wanted({ extra_params: { max_age: null } as never })],
    ["a max_age that is none", wanted({ extra_params: { max_age: "soon" } })],
    ["nothing at all", undefined],
  ])("with %s harms nobody else", async (_, malformed) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { page } = await vaultAndProvider();
    const [evil, tab] = [page(), page()];
    const options = { auto_refresh: true, share_id_token: false };
    evil.send({ type: "link", link_id: "evil", wanted: malformed, options, kernel_id: "kernel-2" });
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link("later");
    await until(() => tab.state("later")?.status === "signed_in");
    expect(evil.delivered("evil", "token")).toEqual([]);
  });

  test("can ask for any number of APIs; the vault keeps no place for each", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    for (let count = 0; count < 120; count += 1) {
      tab.say({ type: "refresh", link_id: ONE, id: `q${count}`, resource: `${API}/${count}` });
    }
    await until(() => tab.delivered(ONE, "answer").length === 120);
    expect(tab.state(ONE)?.status).toBe("signed_in");
    expect(idp.reused).toEqual([]);
  });
});

describe("a page", () => {
  test("reaches links that it made itself, and no others", async () => {
    const { page, idp } = await vaultAndProvider();
    const [tab, stranger, sidebar] = [page(), page(), page("sidebar")];
    tab.link(ONE);
    await tab.signIn(ONE);
    for (const port of [stranger, sidebar]) {
      port.say({ type: "sign_out", link_id: ONE });
      port.say({ type: "refresh", link_id: ONE, id: "q" });
      port.say({ type: "tell_kernel", link_id: ONE, event: "page", payload: {} });
    }
    await settled();
    expect(tab.state(ONE)?.status).toBe("signed_in");
    expect(idp.revoked).toEqual([]);
    expect(tab.delivered(ONE, "answer")).toEqual([]);
    expect(stranger.delivered(ONE)).toEqual([]);
  });

  test("has one role: what it may not say is dropped, with one warning that quotes nothing", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.say({ type: "hello", page_id: tab.id, role: "delivery", headers: {} }); // it stays what it was
    tab.say({ type: "settings", settings: { confirmSharing: true } });
    tab.send({ type: "secret-type".repeat(50) });
    expect(warned).toHaveBeenCalledTimes(2);
    expect(String(warned.mock.calls[0])).toContain("settings");
    expect(String(warned.mock.calls[1]).length).toBeLessThan(200);
    const other = page();
    other.link(ONE);
    await other.signIn(ONE);
    expect(tab.all("deliver")).toEqual([]);
  });

  test("that says nothing of its role is not answered", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { vault } = await vaultAndProvider();
    const postMessage = vi.fn();
    vault.receive({ postMessage }, { type: "list_sessions" });
    vault.receive({ postMessage }, { type: "link", link_id: ONE, wanted: wanted(), options: {} });
    await settled();
    expect(postMessage).not.toHaveBeenCalled();
  });

  test("can't switch anything on that keeps a session on disk", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const open = vi.fn();
    vi.stubGlobal("indexedDB", { open, deleteDatabase: open });
    const { page, clock } = await vaultAndProvider();
    const tab = page("sidebar");
    tab.send({ type: "settings", settings: { confirmSharing: false, persistHours: 720 } });
    tab.link(ONE);
    await tab.signIn(ONE);
    await clock.advance(300);
    expect(open).not.toHaveBeenCalled();
  });

  test("can't bring endpoints, a relay or a place of its own into a request", async () => {
    const { page, idp, jupyter, clock } = await vaultAndProvider();
    const tab = page();
    const evil = "https://evil.example.com/token";
    const more = { endpoints: { authorization_endpoint: evil, token_endpoint: evil }, relay: true, redirect_uri: null };
    const options = { auto_refresh: true, share_id_token: false };
    tab.send({ type: "server", headers: {}, server: { baseUrl: "https://evil.example.com/", headers: {} } });
    tab.send({
      type: "link",
      link_id: ONE,
      wanted: { ...wanted(), ...more },
      request: { ...wanted(), ...more },
      options,
      kernel_id: "k",
      forward_to: evil,
    });
    await tab.signIn(ONE);
    await clock.advance(300);
    const asked = [...idp.calls.map(({ url }) => url), ...jupyter.calls.map(({ path }) => path)];
    expect(asked.join()).not.toContain("evil");
    expect(idp.tokenRequests.length).toBeGreaterThan(1);
  });

  test("can't send a relayed refresh anywhere but to the server that the vault's own file comes from", async () => {
    const { page, idp, jupyter } = await vaultAndProvider();
    jupyter.providers = [
      { name: "corp", label: "Corp", authority: idp.issuer, client_id: "c", scopes: ["openid"], relay: true },
    ];
    const tab = page();
    tab.say({ type: "server", headers: { "X-XSRFToken": "x" } });
    tab.link(ONE, { provider: "corp", authority: null });
    await until(() => jupyter.calls.some(({ path }) => path === "oidc-widget/api/providers/corp/metadata"));
    const relayed = jupyter.calls.filter(({ path }) => path.includes("/corp/"));
    expect(relayed.every(({ headers }) => headers.get("x-xsrftoken") === "x")).toBe(true);
  });

  test("can't be told a foreign provider is the administrator's: a label never stands in for the host", async () => {
    const { page, jupyter, idp } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE, {}, { label: "Corp" });
    expect(await until(() => tab.linked(ONE))).toMatchObject({ configured: false, host: "idp.example.com" });
    expect(tab.linked(ONE)?.label).toBeUndefined();
    expect((await until(() => tab.prepared(ONE))).configured).toBe(false);
    jupyter.providers = [{ name: "c", label: "Corp", authority: idp.issuer, client_id: "x", scopes: [] }];
    const { page: another, jupyter: second } = await vaultAndProvider();
    second.providers = jupyter.providers;
    const other = another();
    other.link(ONE);
    expect(await until(() => other.linked(ONE))).toMatchObject({ configured: true, label: "Corp" });
    expect((await until(() => other.prepared(ONE))).configured).toBe(true);
  });
});

describe("an authority that only a notebook names", () => {
  test("does not get the code of an honest provider: the answer lands at another address (RFC 9700 §4.4)", async () => {
    const { page, idp } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    const state = new URL(url).searchParams.get("state");
    const channel = new BroadcastChannel(`oidc-widget:${state}`);
    const heard = vi.fn();
    channel.onmessage = heard;
    // The honest provider knows the configured address, or its own; the state is this sign-in's.
    const own = landingOf(url);
    for (const pathname of [own.replace(/\/[^/]*$/, ""), own.replace(/.$/, "0"), "/oidc-widget/callback", `${own}/`]) {
      channel.postMessage({ search: `?code=honest&state=${state}`, hash: "", pathname });
    }
    channel.postMessage({ search: `?code=honest&state=${state}` });
    await settled();
    expect(heard).not.toHaveBeenCalled();
    expect(idp.tokenRequests).toEqual([]);
    channel.close();
    await tab.callBack(url, idp.authorize(url)); // and the sign-in is none the worse for it
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("may answer in the fragment; what it says there is checked the same", async () => {
    const { page, idp } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    await tab.callBack(url, "", idp.authorize(url).replace("?", "#"));
    expect(tab.state(ONE)?.status).toBe("signed_in");
    tab.link("two", { extra_params: { prompt: "login" } });
    const second = await tab.open("two");
    const state = new URL(second).searchParams.get("state");
    await tab.callBack(second, "", `#error=access_denied&state=${state}&iss=${idp.issuer}`);
    expect(tab.state("two")?.error?.code).toBe("access_denied");
  });

  test("can't make the vault read or keep without end", async () => {
    const { page, idp } = await vaultAndProvider();
    idp.metadata.padding = "x".repeat(2_000_000);
    const tab = page();
    tab.link(ONE);
    const { error } = await until(() => (tab.state(ONE)?.status === "error" ? tab.state(ONE) : undefined));
    expect(error?.code).toBe("provider_unreachable");
    expect(error?.message).toContain("longer than 1 MB");
  });

  test("is remembered for a while, and asked again then", async () => {
    const { page, idp, clock } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await until(() => tab.prepared(ONE));
    const asked = () => idp.calls.filter(({ url }) => url.endsWith("openid-configuration")).length;
    await clock.advance(290);
    expect(asked()).toBe(1);
    await clock.advance(900);
    expect(asked()).toBeGreaterThan(1);
    expect(asked()).toBeLessThan(5);
  });
});

describe("whose browser it is", () => {
  async function signedInAndAway() {
    const setup = await vaultAndProvider();
    const tab = setup.page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.say({ type: "bye" });
    await settled();
    const back = () => {
      const next = setup.page();
      next.link(ONE);
      return next;
    };
    return { ...setup, back };
  }

  test("the same person finds the session after a reload, without a request to the provider", async () => {
    const { back, idp } = await signedInAndAway();
    const next = back();
    await until(() => next.state(ONE)?.status === "signed_in");
    expect(next.state(ONE)).toMatchObject({ account: "Alice Adams" });
    expect(idp.tokenRequests).toHaveLength(1);
    expect(next.delivered(ONE, "token").length).toBeLessThanOrEqual(1);
  });

  test.each<[string, string | number]>([
    ["another user", "bob"],
    ["nobody (401)", 401],
    ["nobody (403)", 403],
  ])("%s ends all sessions, at the provider too", async (_, user) => {
    const { back, idp, jupyter } = await signedInAndAway();
    jupyter.user = user;
    const next = back();
    await until(() => idp.revoked.length === 1);
    await until(() => next.prepared(ONE));
    expect(next.state(ONE)?.status).toBe("signed_out");
    expect(JSON.stringify(next.received)).not.toContain(ALICE.name);
    expect(next.delivered(ONE, "token")).toEqual([]);
  });

  test("nobody is answered before that is known; a server that can't be reached is waited for", async () => {
    const { back, jupyter, clock } = await signedInAndAway();
    jupyter.user = undefined;
    const next = back();
    await clock.advance(30);
    expect(next.received).toEqual([]);
    jupyter.user = "alice";
    await clock.advance(11);
    expect(next.state(ONE)?.status).toBe("signed_in");
  });

  test("a page that was asked about and is gone answers nothing for the one after it", async () => {
    const { page, jupyter, clock, idp, crash } = await signedInAndAway();
    const answers: ((user: string) => void)[] = [];
    jupyter.slow = () => new Promise((resolve) => answers.push(resolve));
    const first = page();
    await until(() => answers.length === 1);
    crash(first);
    const second = page();
    await until(() => answers.length === 2);
    answers[0]("alice"); // asked before somebody else came
    await settled();
    second.link(ONE);
    await settled();
    expect(second.received).toEqual([]);
    answers[1]("bob");
    await until(() => idp.revoked.length === 1);
    await clock.advance(1);
    expect(second.delivered(ONE, "token")).toEqual([]);
  });

  test("an error of the server's own says nothing of that", async () => {
    const { back, jupyter, clock, idp } = await signedInAndAway();
    jupyter.user = 503;
    const next = back();
    await clock.advance(20);
    expect(next.received).toEqual([]);
    expect(idp.revoked).toEqual([]);
    jupyter.user = "alice";
    await clock.advance(11);
    expect(next.state(ONE)?.status).toBe("signed_in");
  });

  test("while a page is there nobody is asked", async () => {
    const { page, jupyter } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    const asked = () => jupyter.calls.filter(({ path }) => path === "api/me").length;
    await until(() => asked() === 1);
    page().link("two");
    await settled();
    expect(asked()).toBe(1);
  });

  test("a session goes on being renewed while no page is there", async () => {
    const { idp, clock, back } = await signedInAndAway();
    await clock.advance(1000);
    expect(idp.tokenRequests.length).toBeGreaterThan(2);
    expect(idp.reused).toEqual([]);
    const next = back();
    await until(() => next.state(ONE)?.status === "signed_in");
    await until(() => next.delivered(ONE, "token").length === 1);
  });
});

describe("an authority's ID token", () => {
  test("of two people stays two people's", async () => {
    const { page, idp } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    idp.idToken = (claims) => ({ ...claims, ...BOB });
    tab.say({ type: "refresh", link_id: ONE, id: "q" });
    await until(() => tab.state(ONE)?.status === "expired");
    expect(tab.state(ONE)?.error?.code).toBe("id_token_invalid");
    await until(() => idp.revoked.length > 0);
  });
});
