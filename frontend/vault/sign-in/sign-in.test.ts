import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { landingOf } from "../../testing/page.js";
import { ALICE, BOB, refusal } from "../../testing/provider.js";
import { vaultAndProvider } from "../../testing/vault.js";

const ONE = "link-1";
const TWO = "link-2";

describe("signing in", () => {
  test("has the window's address ready before the click, and the token a moment after the answer", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await until(() => tab.prepared(ONE));
    expect(idp.tokenRequests).toEqual([]);
    await tab.signIn(ONE);
    expect(tab.all("opened")).toEqual([{ type: "opened", link_id: ONE, url: undefined }]);
    expect(tab.state(ONE)).toMatchObject({ status: "signed_in", account: "Alice Adams", expires_in: 300 });
    expect(tab.delivered(ONE, "token")).toMatchObject([
      {
        access_token: "access-2",
        expires_in: 300,
        account: "Alice Adams",
        session: expect.any(String),
        claims: expect.objectContaining({ sub: "alice-1" }),
        seq: expect.any(Number),
        vault: expect.any(String),
      },
    ]);
  });

  test("and renewing tell all kernels before any page, whose drawing would hold tokens up", async () => {
    const { clock, page } = await vaultAndProvider();
    const lane = page("delivery");
    lane.result = "delivered";
    const tab = page();
    const order: string[] = [];
    for (const port of [lane, tab]) {
      const post = port.postMessage.bind(port);
      port.postMessage = (message) => {
        if (message.type === "deliver") order.push(message.message.event);
        if (message.type === "state") order.push(message.state.status);
        post(message);
      };
    }
    tab.link(ONE);
    await tab.signIn(ONE);
    expect(order).toContain("token");
    expect(order.indexOf("token")).toBeLessThan(order.indexOf("signed_in"));
    tab.link(TWO);
    await until(() => tab.state(TWO)?.status === "signed_in");
    order.length = 0;
    await clock.advance(245);
    expect(order.slice(0, 4)).toEqual(["token", "token", "signed_in", "signed_in"]);
  });

  test("gives no page a refresh token, an ID token, a verifier or a nonce, and the access token to the kernel alone", async () => {
    const { idp, page, clock } = await vaultAndProvider();
    const idTokens: unknown[] = [];
    const nonces: unknown[] = [];
    idp.idToken = (claims) => {
      if (claims.nonce) nonces.push(claims.nonce);
      return claims;
    };
    idp.answer = (body) => {
      idTokens.push(body.id_token);
      return body;
    };
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    await clock.advance(1000);
    tab.say({ type: "refresh", link_id: ONE, id: "question" });
    await settled();
    const [{ code_verifier }, ...refreshes] = idp.tokenRequests;
    const secrets = [
      code_verifier,
      ...idTokens,
      ...refreshes.map((form) => form.refresh_token),
      ...idp.refreshTokens.keys(),
    ];
    expect(secrets.length).toBeGreaterThan(6);
    const everything = JSON.stringify(tab.received);
    for (const secret of secrets) expect(everything).not.toContain(secret);
    // A window's address holds the nonce; nothing else does.
    expect(nonces).toHaveLength(1);
    expect(JSON.stringify(tab.received.filter(({ type }) => type !== "prepared"))).not.toContain(nonces[0]);
    const shown = JSON.stringify(tab.received.filter(({ type }) => type !== "deliver"));
    expect(shown).not.toContain("access-");
  });

  test("hands the ID token to a kernel that was made to ask for it, and to no other", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE, {}, { share_id_token: true });
    tab.link(TWO);
    await tab.signIn(ONE);
    expect(tab.delivered(ONE, "token")[0].id_token).toMatch(/^ey/);
    expect(tab.delivered(TWO, "token")[0]).not.toHaveProperty("id_token");
  });

  test("once serves every widget of the same provider and client, also those made later", async () => {
    const { idp, page } = await vaultAndProvider();
    const [tab, other] = [page(), page()];
    tab.link(ONE);
    other.link(TWO);
    await tab.signIn(ONE);
    tab.link("later", { authority: "https://idp.example.com/.well-known/openid-configuration" });
    for (const [where, link] of [
      [tab, ONE],
      [other, TWO],
      [tab, "later"],
    ] as const) {
      await until(() => where.state(link)?.account);
      expect(where.state(link)?.status).toBe("signed_in");
      expect(where.delivered(link, "token").map(({ access_token }) => access_token)).toEqual(["access-2"]);
    }
    expect(idp.tokenRequests).toHaveLength(1);
  });

  test("does not serve another client, another provider, or a person who asked for another account", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link("client", { client_id: "other" });
    tab.link("provider", { authority: "https://other.example.com" });
    tab.link("hint", { extra_params: { login_hint: "bob@example.com" } });
    tab.link("anew", { extra_params: { prompt: "login" } });
    tab.link("stronger", { extra_params: { acr_values: "mfa" } });
    await settled();
    for (const link of ["client", "provider", "hint", "anew", "stronger"])
      expect(tab.delivered(link, "token")).toEqual([]);
  });

  test("in a special way serves whoever asks for the same, or for nothing special", async () => {
    const { idp, page } = await vaultAndProvider();
    idp.idToken = (claims) => ({ ...claims, acr: "mfa" });
    const tab = page();
    tab.link(ONE, { extra_params: { acr_values: "mfa", connector_id: "ldap" } });
    await tab.signIn(ONE);
    tab.link("same", { extra_params: { connector_id: "ldap", acr_values: "mfa" } });
    tab.link("plain");
    tab.link("other", { extra_params: { acr_values: "mfa", connector_id: "github" } });
    await settled();
    expect(tab.state("same")?.status).toBe("signed_in");
    expect(tab.state("plain")?.status).toBe("signed_in");
    expect(tab.state("other")?.status).toBe("signed_out");
  });

  test("asks first where the person wants to be asked", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    page("sidebar").say({ type: "settings", settings: { confirmSharing: true } });
    tab.link(ONE);
    tab.link(TWO);
    await tab.signIn(ONE);
    expect(tab.state(TWO)).toMatchObject({ status: "signed_out", offer: "Alice Adams" });
    expect(tab.delivered(TWO, "token")).toEqual([]);
    tab.say({ type: "accept", link_id: TWO });
    expect(tab.state(TWO)).toMatchObject({ status: "signed_in", account: "Alice Adams" });
    expect(tab.delivered(TWO, "token")).toHaveLength(1);
  });

  test("asks first for another account also where the one that was agreed to is signed out by the provider", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    idp.answer = () => refusal("invalid_grant");
    tab.say({ type: "refresh", link_id: ONE, id: "q" });
    await until(() => tab.state(ONE)?.status === "expired");
    idp.answer = undefined;
    page("sidebar").say({ type: "settings", settings: { confirmSharing: true } });
    const other = page();
    other.link(TWO, {}, { kernel_id: "kernel-2" });
    await other.signIn(TWO, BOB);
    expect(tab.state(ONE)).toMatchObject({ offer: BOB.name });
    expect(tab.state(ONE)?.status).not.toBe("signed_in");
    expect(tab.delivered(ONE, "token")).toHaveLength(1); // Alice's
  });

  test("works for two accounts side by side", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE, { extra_params: { login_hint: "Alice Adams" } });
    tab.link(TWO, { extra_params: { login_hint: "Bob Brown" } });
    await tab.signIn(ONE, ALICE);
    expect(tab.state(TWO)?.status).toBe("signed_out");
    await tab.signIn(TWO, BOB);
    expect(tab.state(ONE)).toMatchObject({ status: "signed_in", account: "Alice Adams" });
    await clock.advance(3000);
    expect(tab.delivered(ONE, "token").every(({ account }) => account === "Alice Adams")).toBe(true);
    expect(tab.delivered(TWO, "token").every(({ account }) => account === "Bob Brown")).toBe(true);
    expect(idp.reused).toEqual([]);
    tab.say({ type: "sign_out", link_id: TWO });
    await settled();
    expect(tab.state(ONE)?.status).toBe("signed_in");
    expect(tab.state(TWO)?.status).toBe("signed_out");
  });

  test("that the person declined is said, and the next try works", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    const state = new URL(url).searchParams.get("state") as string;
    await tab.callBack(url, `?${new URLSearchParams({ error: "access_denied", state, iss: idp.issuer })}`);
    expect(tab.state(ONE)).toMatchObject({ status: "error", error: { code: "access_denied" } });
    expect(tab.delivered(ONE, "status").at(-1)).toMatchObject({ status: "error", error: { code: "access_denied" } });
    await tab.signIn(ONE);
    expect(tab.state(ONE)?.error).toBeUndefined();
  });

  test("takes the first answer; one that is played again finds nobody", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    const search = idp.authorize(url);
    await tab.callBack(url, search);
    let answered = false;
    const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
    channel.onmessage = () => {
      answered = true;
    };
    channel.postMessage({ search, hash: "", pathname: landingOf(url) });
    await settled();
    channel.close();
    expect(answered).toBe(false);
    expect(idp.tokenRequests).toHaveLength(1);
  });

  test("renews a prepared address before it gets old; a window that went to the one before still counts", async () => {
    const { clock, idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const first = await until(() => tab.prepared(ONE));
    await clock.advance(301);
    await until(() => tab.prepared(ONE)?.id !== first.id);
    tab.say({ type: "begin", link_id: ONE, prepared_id: first.id });
    expect((await until(() => tab.all("opened").at(-1))).url).toBeUndefined(); // it is there already
    await tab.callBack(first.url, idp.authorize(first.url));
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("never opens an address that is old", async () => {
    const { clock, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const first = await until(() => tab.prepared(ONE));
    await clock.advance(301);
    await until(() => tab.prepared(ONE)?.id !== first.id);
    await clock.advance(301);
    const second = tab.prepared(ONE);
    expect(second?.url).not.toBe(first.url);
    tab.say({ type: "begin", link_id: ONE, prepared_id: first.id });
    expect((await until(() => tab.all("opened").at(-1))).url).toMatch(/^https:/); // sent on to a fresh one
  });

  test("tells what is wrong with a provider as soon as the widget is shown, and tries again at a click", async () => {
    const { idp, page } = await vaultAndProvider();
    idp.metadata.issuer = "https://evil.example.com";
    const tab = page();
    tab.link(ONE);
    await settled();
    expect(tab.state(ONE)).toMatchObject({ status: "error", error: { code: "discovery_failed" } });
    idp.metadata.issuer = "https://idp.example.com";
    tab.say({ type: "begin", link_id: ONE });
    const { url } = await until(() => tab.all("opened").at(-1));
    await tab.callBack(url as string, idp.authorize(url as string));
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });
});

describe("a sign-in that is not finished", () => {
  test("ends at once with Cancel; a late answer changes nothing, and no late time-out either", async () => {
    const { clock, idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    tab.say({ type: "cancel", link_id: ONE });
    expect(tab.state(ONE)).toMatchObject({ status: "signed_out" });
    const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
    channel.postMessage({ search: idp.authorize(url), hash: "", pathname: landingOf(url) });
    await settled();
    channel.close();
    expect(idp.tokenRequests).toEqual([]);
    await clock.advance(2000);
    expect(tab.state(ONE)).toMatchObject({ status: "signed_out" });
    expect(tab.state(ONE)?.error).toBeUndefined();
  });

  test("stays cancelled although its tokens were on their way, and nobody keeps those", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    let release = () => undefined as unknown;
    idp.answer = (body) =>
      new Promise((resolve) => {
        release = () => resolve(body);
      });
    await tab.callBack(url, idp.authorize(url));
    await until(() => idp.refreshTokens.size === 1);
    tab.say({ type: "cancel", link_id: ONE });
    const [refreshToken] = idp.refreshTokens.keys();
    await settled();
    release();
    await until(() => idp.revoked.length > 0);
    expect(idp.revoked).toEqual([refreshToken]);
    expect(tab.state(ONE)?.status).toBe("signed_out");
    expect(tab.delivered(ONE, "token")).toEqual([]);
  });

  test("does not end a later one when its own time is up", async () => {
    const { clock, idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.open(ONE);
    tab.say({ type: "cancel", link_id: ONE });
    await clock.advance(800);
    const url = await tab.open(ONE);
    await clock.advance(200); // 1000 s after the first, 200 s after the second
    expect(tab.state(ONE)?.status).toBe("signing_in");
    await tab.callBack(url, idp.authorize(url));
    expect(tab.state(ONE)?.status).toBe("signed_in");
    await clock.advance(900);
    expect(tab.state(ONE)?.error).toBeUndefined();
  });

  test("stays cancelled although its address was still being prepared", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE); // discovery is under way: nothing is prepared yet
    tab.say({ type: "begin", link_id: ONE });
    tab.say({ type: "cancel", link_id: ONE });
    await until(() => tab.prepared(ONE));
    await settled();
    expect(tab.state(ONE)?.status).toBe("signed_out");
    expect(tab.all("opened").filter(({ url }) => url)).toEqual([]);
    expect(idp.tokenRequests).toEqual([]);
  });

  test("ends by itself after 15 minutes", async () => {
    const { clock, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.open(ONE);
    await clock.advance(899);
    expect(tab.state(ONE)?.status).toBe("signing_in");
    await clock.advance(2);
    expect(tab.state(ONE)).toMatchObject({ status: "error", error: { code: "timeout" } });
  });

  test("keeps nobody waiting when its window seems closed, but an answer still counts", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    tab.say({ type: "window_closed", link_id: ONE });
    expect(tab.state(ONE)?.status).toBe("signed_out");
    await tab.callBack(url, idp.authorize(url));
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("gives way to the next click", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const first = await tab.open(ONE);
    const stale = tab.prepared(ONE)?.id;
    await until(() => tab.prepared(ONE)?.id !== stale || tab.prepared(ONE)?.url !== first);
    const second = await tab.open(ONE);
    expect(second).not.toBe(first);
    await tab.callBack(second, idp.authorize(second));
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });
});
