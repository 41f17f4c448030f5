import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { vaultAndProvider } from "../../testing/vault.js";

const ONE = "link-1";
const TWO = "link-2";

describe("a token for another API", () => {
  const API = "https://api.example.com";

  test("comes from the same sign-in, without a click, where the provider grants it (RFC 8707)", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    idp.resources.add(API);
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link(TWO, { resource: API });
    await until(() => tab.state(TWO)?.status === "signed_in");
    const [own] = tab.delivered(ONE, "token");
    const [other] = tab.delivered(TWO, "token");
    expect(other.access_token).not.toBe(own.access_token);
    expect(idp.tokenRequests.at(-1)).toMatchObject({ resource: API });
    await clock.advance(3000);
    expect(idp.reused).toEqual([]);
    expect(tab.state(ONE)?.status).toBe("signed_in");
    expect(tab.state(TWO)?.status).toBe("signed_in");
  });

  test("takes a click where it is not granted; the session goes on", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link(TWO, { resource: API });
    await settled();
    expect(tab.state(TWO)?.status).toBe("signed_out");
    expect(tab.state(ONE)).toMatchObject({ status: "signed_in" });
    expect(tab.state(ONE)?.error).toBeUndefined();
    await clock.advance(1000);
    expect(tab.state(ONE)?.status).toBe("signed_in");
    await tab.signIn(TWO);
    expect(tab.state(TWO)?.status).toBe("signed_in");
    expect(idp.reused).toEqual([]);
  });

  test("is answered to the kernel that asked, once, however many tabs pass the question on", async () => {
    const { idp, page } = await vaultAndProvider();
    idp.resources.add(API);
    const [tab, other] = [page(), page()];
    tab.link(ONE);
    other.link(ONE);
    await tab.signIn(ONE);
    for (const each of [tab, other]) each.say({ type: "refresh", link_id: ONE, id: "q1", resource: API });
    await settled();
    const answers = tab.delivered(ONE, "answer");
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ id: "q1", access_token: expect.stringMatching(/^access-/), expires_in: 300 });
    expect(idp.tokenRequests.filter(({ resource }) => resource === API)).toHaveLength(1);
  });

  test("that grants less than was asked for is none, and keeps the refresh token that came with it", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    idp.answer = (body) => ({ ...body, scope: "openid read" });
    tab.say({ type: "refresh", link_id: ONE, id: "less", scopes: ["read", "write"] });
    await until(() => tab.delivered(ONE, "answer").length === 1);
    expect(tab.delivered(ONE, "answer")[0]).toMatchObject({ error: { code: "scope_unavailable" } });
    tab.say({ type: "refresh", link_id: ONE, id: "enough", scopes: ["READ", "profile", "api://x/.default"] });
    await until(() => tab.delivered(ONE, "answer").length === 2);
    expect(tab.delivered(ONE, "answer")[1]).toHaveProperty("access_token");
    expect(idp.reused).toEqual([]);
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("that is refused is an answer too", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.say({ type: "refresh", link_id: ONE, id: "q1", resource: API });
    await settled();
    expect(tab.delivered(ONE, "answer")).toMatchObject([{ id: "q1", error: { code: "scope_unavailable" } }]);
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });

  test("whose renewal is refused later is told to be over when it is", async () => {
    const { idp, clock, page } = await vaultAndProvider();
    idp.resources.add(API);
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link(TWO, { resource: API });
    await until(() => tab.state(TWO)?.status === "signed_in");
    idp.resources.delete(API);
    await clock.advance(290);
    const requests = () => idp.tokenRequests.filter(({ resource }) => resource === API).length;
    expect(tab.state(TWO)?.status).toBe("signed_in");
    expect(requests()).toBe(2);
    await clock.advance(11);
    expect(tab.state(TWO)?.status).toBe("expired");
    expect(tab.delivered(TWO).at(-1)).toMatchObject({ status: "expired" });
    await clock.advance(1000);
    expect(requests()).toBe(2);
    expect(tab.state(ONE)?.status).toBe("signed_in");
  });
});
