/**
 * The provider is killed at each step of a sign-in and of a refresh, and comes back: people are told, nobody gets a
 * token that is none, and it goes on without a refresh token used twice.
 */
import { describe, expect, test } from "vitest";
import { until } from "../testing/clock.js";
import type { TestProvider } from "../testing/provider.js";
import { vaultAndProvider } from "../testing/vault.js";

const ONE = "link-1";

type Step = "discovery" | "keys" | "token";

/** No request of this step gets through any more. */
function killAt(idp: TestProvider, step: Step): void {
  const { jwks_uri, token_endpoint } = idp.metadata;
  const address = {
    discovery: `${idp.issuer}/.well-known/openid-configuration`,
    keys: jwks_uri,
    token: token_endpoint,
  };
  idp.unreachable = () => idp.calls.at(-1)?.url === address[step];
}

/** The answer to the next request for tokens is lost: what it held is used up all the same. */
function loseAnswer(idp: TestProvider): void {
  let lost = false;
  idp.answer = (body) => {
    if (lost) return body;
    lost = true;
    throw new TypeError("Failed to fetch");
  };
}

describe("a provider that is killed in a sign-in", () => {
  test.each<[Step, string]>([
    ["discovery", "provider_unreachable"],
    ["token", "token_endpoint_unreachable"],
    ["keys", "provider_unreachable"],
  ])("at the %s is told as %s; once it is back, one signs in", async (step, code) => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    killAt(idp, step);
    tab.link(ONE);
    if (step !== "discovery") {
      const url = await tab.open(ONE);
      await tab.callBack(url, idp.authorize(url));
    }
    await until(() => tab.state(ONE)?.status === "error");
    expect(tab.state(ONE)?.error?.code).toBe(code);
    expect(tab.delivered(ONE, "token")).toEqual([]);
    idp.unreachable = () => false;
    if (step === "discovery") {
      tab.say({ type: "begin", link_id: ONE });
      const { url } = await until(() => tab.all("opened").findLast((opened) => opened.url));
      await tab.callBack(url as string, idp.authorize(url as string));
      await until(() => tab.state(ONE)?.status === "signed_in");
    } else {
      await tab.signIn(ONE);
    }
    expect(tab.delivered(ONE, "token")).toHaveLength(1);
  });

  test("after it took the code and before its answer: the code is not sent again", async () => {
    const { idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    loseAnswer(idp);
    const url = await tab.open(ONE);
    await tab.callBack(url, idp.authorize(url));
    await until(() => tab.state(ONE)?.status === "error");
    expect(tab.state(ONE)?.error?.code).toBe("token_endpoint_unreachable");
    expect(idp.tokenRequests).toHaveLength(1);
    await tab.signIn(ONE);
    expect(tab.delivered(ONE, "token")).toHaveLength(1);
  });
});

describe("a provider that is killed in a refresh", () => {
  test.each<Step>(["token", "keys"])("at the %s takes nothing away, and goes on once it is back", async (step) => {
    const { clock, idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    killAt(idp, step);
    await clock.advance(290); // of 300: the refresh was due at 240
    expect(tab.state(ONE)?.status).toBe("signed_in");
    idp.unreachable = () => false;
    await clock.advance(600);
    expect(tab.state(ONE)?.status).toBe("signed_in");
    expect(tab.delivered(ONE, "token").length).toBeGreaterThan(2);
    expect(idp.reused).toEqual([]);
  });

  test("after it took the refresh token and before its answer is believed: nobody has the next one", async () => {
    const { clock, idp, page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    loseAnswer(idp);
    await clock.advance(290);
    await until(() => tab.state(ONE)?.status === "expired");
    expect(tab.state(ONE)?.error?.code).toBe("invalid_grant");
    expect(tab.delivered(ONE, "status").at(-1)).toMatchObject({ status: "expired", ended: true });
    expect(idp.reused).toHaveLength(1);
    await tab.signIn(ONE);
    expect(tab.delivered(ONE, "token")).toHaveLength(2);
  });
});
