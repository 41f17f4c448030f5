/**
 * Windows and scripts of the same origin on the callback's channel: whoever knows a sign-in's address knows its `state`, and
 * so may listen and speak there. What they hear or say is of no use without the verifier, which stays in the vault (RFC 7636
 * §1, RFC 9700 §4.5). What a page, a kernel and a provider may say over a port is in `boundaries.test.ts`.
 */
import { expect, test, vi } from "vitest";
import { settled, until } from "../testing/clock.js";
import { landingOf } from "../testing/page.js";
import { ALICE, BOB } from "../testing/provider.js";
import { vaultAndProvider } from "../testing/vault.js";

const ONE = "link-1";
const TWO = "link-2";

test("a code of somebody else's sign-in, slipped in on the channel, is worth nothing", async () => {
  const { page, idp } = await vaultAndProvider();
  const [tab, evil] = [page(), page()];
  tab.link(ONE);
  evil.link(TWO, { extra_params: { prompt: "login" } });
  const [url, own] = [await tab.open(ONE), await evil.open(TWO)];
  const mallory = new URLSearchParams(idp.authorize(own, BOB)); // signs in herself, and has a code for that
  mallory.set("state", new URL(url).searchParams.get("state") ?? "");
  await tab.callBack(url, `?${mallory}`);
  await until(() => tab.state(ONE)?.status === "error");
  expect(tab.state(ONE)?.error?.code).toBe("invalid_grant");
  expect(JSON.stringify(tab.received)).not.toContain(BOB.name);
  expect(tab.delivered(ONE, "token")).toEqual([]);
});

test("a code that was overheard on the channel opens nobody else's session", async () => {
  const { page, idp } = await vaultAndProvider();
  const [tab, evil] = [page(), page()];
  tab.link(ONE);
  evil.link(TWO, { extra_params: { prompt: "login" } });
  const [url, own] = [await tab.open(ONE), await evil.open(TWO)];
  const overheard = new URLSearchParams(idp.authorize(url, ALICE));
  overheard.set("state", new URL(own).searchParams.get("state") ?? "");
  await evil.callBack(own, `?${overheard}`); // before the callback page has spoken
  await until(() => evil.state(TWO)?.status === "error");
  expect(evil.state(TWO)?.error?.code).toBe("invalid_grant");
  expect(JSON.stringify(evil.received)).not.toMatch(/access-|Alice/);
});

test("whatever is said on the channel besides an answer ends no sign-in", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const { page, idp } = await vaultAndProvider();
  const tab = page();
  tab.link(ONE);
  const url = await tab.open(ONE);
  const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
  const pathname = landingOf(url);
  const said = [null, 7, "search", [], { received: true }, { search: 7, pathname }, { search: "?code=x", pathname: 7 }];
  for (const data of [...said, { search: "?code=x", hash: "", pathname: `${pathname}/..` }]) channel.postMessage(data);
  await settled();
  channel.close();
  expect(tab.state(ONE)?.status).toBe("signing_in");
  expect(idp.tokenRequests).toEqual([]);
  await tab.callBack(url, idp.authorize(url));
  await until(() => tab.state(ONE)?.status === "signed_in");
  expect(warned).not.toHaveBeenCalled();
});
