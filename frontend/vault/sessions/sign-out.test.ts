import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { refusal } from "../../testing/provider.js";
import { vaultAndProvider } from "../../testing/vault.js";

const ONE = "link-1";
const TWO = "link-2";

describe("signing out", () => {
  test("revokes the refresh token, clears every widget of the session and tells each kernel", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    const [tab, other] = [page(), page()];
    tab.link(ONE);
    other.link(TWO);
    await tab.signIn(ONE);
    const [refreshToken] = idp.refreshTokens.keys();
    other.say({ type: "sign_out", link_id: TWO });
    await settled();
    expect(idp.revoked).toEqual([refreshToken]);
    expect(tab.state(ONE)).toMatchObject({ status: "signed_out" });
    expect(other.state(TWO)).toMatchObject({ status: "signed_out" });
    expect(tab.delivered(ONE).at(-1)).toMatchObject({ status: "signed_out", ended: true });
    expect(other.delivered(TWO).at(-1)).toMatchObject({ status: "signed_out", ended: true });
    await clock.advance(3600);
    expect(idp.tokenRequests).toHaveLength(1);
    tab.say({ type: "refresh", link_id: ONE, id: "question" });
    await settled();
    expect(tab.delivered(ONE, "answer").at(-1)).toMatchObject({ id: "question", error: { code: "no_token" } });
  });

  test("offers the provider's own sign-out once, and no ID token stands in its address", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    expect(tab.state(ONE)).toMatchObject({ logout: false });
    tab.say({ type: "sign_out", link_id: ONE });
    await until(() => tab.state(ONE)?.logout);
    expect(tab.all("logout_url")).toEqual([]);
    tab.say({ type: "log_out", link_id: ONE });
    const { url } = await until(() => tab.all("logout_url").at(-1));
    expect(url).toBe("https://idp.example.com/logout?client_id=notebooks");
    expect(tab.state(ONE)).toMatchObject({ logout: false });
    tab.say({ type: "log_out", link_id: ONE });
    await settled();
    expect(tab.all("logout_url").at(-1)?.url).toBeUndefined();
  });

  test("during a refresh also revokes the token that the refresh brings", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    let release = () => undefined as unknown;
    idp.answer = (body) =>
      new Promise((resolve) => {
        release = () => resolve(body);
      });
    tab.say({ type: "refresh", link_id: ONE });
    await until(() => idp.tokenRequests.length === 2);
    await settled();
    tab.say({ type: "sign_out", link_id: ONE });
    expect(tab.state(ONE)?.status).toBe("signed_out");
    const [rotated] = idp.refreshTokens.keys();
    release();
    await until(() => idp.revoked.length > 0);
    expect(idp.revoked).toEqual([rotated]);
    await settled();
    expect(tab.state(ONE)?.status).toBe("signed_out");
    expect(tab.delivered(ONE, "token")).toHaveLength(1);
  });

  test("works although the provider can't be reached", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    idp.metadata.revocation_endpoint = "https://idp.example.com/gone";
    tab.say({ type: "sign_out", link_id: ONE });
    await settled();
    expect(tab.state(ONE)?.status).toBe("signed_out");
  });

  test("is possible before anybody has signed in", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    tab.say({ type: "sign_out", link_id: ONE });
    expect(tab.state(ONE)?.status).toBe("signed_out");
  });
});

test("the provider's sign-out of the person is told once, with what to do, and a new sign-in mends it", async () => {
  const { idp, clock, page } = await vaultAndProvider();
  const tab = page();
  tab.link(ONE);
  tab.link(TWO);
  await tab.signIn(ONE);
  idp.answer = () => refusal("invalid_grant", "Session ended.");
  await clock.advance(250);
  for (const link of [ONE, TWO]) {
    expect(tab.state(link)).toMatchObject({ status: "expired", error: { code: "invalid_grant" } });
    expect(tab.delivered(link, "status").filter(({ status }) => status === "expired")).toHaveLength(1);
  }
  await clock.advance(10_000);
  expect(idp.tokenRequests).toHaveLength(2);
  idp.answer = undefined;
  await tab.signIn(TWO);
  expect(tab.state(ONE)).toMatchObject({ status: "signed_in" });
  expect(tab.state(ONE)?.error).toBeUndefined();
});
