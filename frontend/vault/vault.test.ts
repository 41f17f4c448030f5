import { describe, expect, test } from "vitest";
import { settled, until } from "../testing/clock.js";
import { landingOf } from "../testing/page.js";
import { vaultAndProvider } from "../testing/vault.js";

const ONE = "link-1";
const TWO = "link-2";

describe("a page that dies", () => {
  test("lets go of a link that goes on counting when it is made anew: its kernel drops what it has had", async () => {
    const { page, crash } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    tab.say({ type: "tell_kernel", link_id: ONE, event: "page", payload: {} });
    tab.say({ type: "tell_kernel", link_id: ONE, event: "page", payload: {} });
    await until(() => tab.delivered(ONE, "page").length === 2);
    crash(tab);
    await settled();
    const again = page();
    again.link(ONE);
    again.say({ type: "tell_kernel", link_id: ONE, event: "page", payload: {} });
    await until(() => again.delivered(ONE, "page").length === 1);
    const [before, after] = [tab, again].map((one) => one.delivered(ONE, "page").map(({ seq }) => seq as number));
    expect(after[0]).toBeGreaterThan(Math.max(...before));
  });

  test("with a token on its way leaves it to the page that is loaded in its place", async () => {
    const { idp, page, crash } = await vaultAndProvider();
    const lane = page("delivery");
    lane.result = "delivered";
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    lane.result = undefined; // the page dies before it has sent the token
    await tab.callBack(url, idp.authorize(url));
    await until(() => tab.state(ONE)?.status === "signed_in");
    crash(tab);
    lane.result = "delivered";
    const again = page();
    again.link(ONE);
    await until(() => lane.delivered(ONE, "token").length === 2);
    await settled();
    again.link(ONE); // it has arrived
    await settled();
    expect(lane.delivered(ONE, "token")).toHaveLength(2);
  });

  test("without a word lets go of its links when the browser lets go of its lock", async () => {
    const { idp, page, crash } = await vaultAndProvider();
    const other = page();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    const before = tab.received.length;
    crash(tab);
    other.link(TWO);
    await until(() => other.state(TWO)?.status === "signed_in");
    other.say({ type: "sign_out", link_id: TWO });
    await settled();
    expect(tab.received).toHaveLength(before);
    expect(idp.revoked).toHaveLength(1);
  });

  test("leaves an unfinished sign-in to the page that is loaded in its place", async () => {
    const { idp, page, crash } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    crash(tab);
    const again = page();
    again.link(ONE);
    await until(() => again.state(ONE)?.status === "signing_in");
    await again.callBack(url, idp.authorize(url));
    await until(() => again.state(ONE)?.status === "signed_in");
    expect(again.delivered(ONE, "token")).toHaveLength(1);
    expect(idp.tokenRequests).toHaveLength(1);
  });

  test.each(["before the answer", "between the code and the tokens"])(
    "%s is signed in when it is back",
    async (when) => {
      const { idp, page, crash } = await vaultAndProvider();
      const tab = page();
      tab.link(ONE);
      const url = await tab.open(ONE);
      let release = () => undefined as unknown;
      if (when === "between the code and the tokens") {
        idp.answer = (body) =>
          new Promise((resolve) => {
            release = () => resolve(body);
          });
        await tab.callBack(url, idp.authorize(url));
        await until(() => idp.refreshTokens.size === 1);
      }
      crash(tab);
      if (when === "before the answer") await tab.callBack(url, idp.authorize(url));
      release();
      const again = page();
      again.link(ONE);
      await until(() => again.state(ONE)?.status === "signed_in");
      await until(() => again.delivered(ONE, "token").length === 1);
      expect(idp.tokenRequests).toHaveLength(1);
      expect(idp.revoked).toEqual([]);
    },
  );

  test("for good leaves no link behind when nobody comes back from the provider", async () => {
    const { clock, page, crash } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.open(ONE);
    crash(tab);
    await clock.advance(901);
    const again = page();
    again.link(ONE);
    await until(() => again.prepared(ONE));
    expect(again.state(ONE)).toMatchObject({ status: "signed_out", error: undefined }); // it is another link
  });

  test("leaves no unfinished sign-in to somebody else", async () => {
    const { idp, jupyter, page, crash } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    const url = await tab.open(ONE);
    crash(tab);
    await settled();
    jupyter.user = "bob";
    const bobs = page();
    bobs.link(TWO, {}, { kernel_id: "kernel-2" });
    await until(() => bobs.prepared(TWO));
    const channel = new BroadcastChannel(`oidc-widget:${new URL(url).searchParams.get("state")}`);
    channel.postMessage({ search: idp.authorize(url), hash: "", pathname: landingOf(url) });
    await settled();
    channel.close();
    expect(idp.tokenRequests).toEqual([]);
    expect(bobs.state(TWO)?.status).toBe("signed_out");
  });

  test("or closes its notebook in the middle of a sign-in does not stop it: the kernel waits for the token", async () => {
    const { idp, page } = await vaultAndProvider();
    const lane = page("delivery");
    lane.result = "delivered";
    const tab = page();
    tab.link(ONE);
    tab.say({ type: "tell_kernel", link_id: ONE, event: "page", payload: {} });
    const url = await tab.open(ONE);
    tab.say({ type: "unlink", link_id: ONE });
    await tab.callBack(url, idp.authorize(url));
    await until(() => lane.delivered(ONE, "token").length === 1);
    expect(lane.delivered(ONE, "token")[0]).toMatchObject({ access_token: expect.any(String) });
  });

  test("lets a kernel be that was started anew: it knows nothing of what it was told", async () => {
    const { clock, page } = await vaultAndProvider();
    const lane = page("delivery");
    lane.result = "delivered";
    const notebook = page();
    notebook.link(ONE);
    await notebook.signIn(ONE);
    const tokens = lane.delivered(ONE, "token").length;
    expect(tokens).toBeGreaterThan(0);
    notebook.say({ type: "unlink", link_id: ONE, gone: true });
    await clock.advance(245);
    expect(lane.delivered(ONE, "token")).toHaveLength(tokens);
  });

  test("leaves a kernel that runs on to another page's control channel, which goes on bringing tokens", async () => {
    const { clock, page, crash } = await vaultAndProvider();
    const [own, other] = [page("delivery"), page("delivery")];
    own.result = "delivered";
    other.result = "not_mine";
    const notebook = page();
    notebook.link(ONE);
    await notebook.signIn(ONE);
    crash(notebook);
    crash(own);
    await clock.advance(245);
    const calls = other.all("deliver").filter(({ message }) => message.event === "token");
    expect(calls.at(-1)).toMatchObject({ kernel_id: "kernel-1", visit: true, message: { link_id: ONE } });
  });

  test("leaves no link behind once nobody can reach its kernel any more", async () => {
    const { idp, clock, page, crash } = await vaultAndProvider();
    const channel = page("delivery");
    channel.result = "delivered";
    channel.place = { path: "work/analysis.ipynb", name: "analysis.ipynb" };
    const notebook = page();
    notebook.link(ONE);
    await notebook.signIn(ONE);
    crash(notebook);
    crash(channel);
    const later = page("delivery");
    later.result = "not_mine";
    const sidebar = page("sidebar");
    sidebar.say({ type: "list_sessions" });
    await until(() => sidebar.all("sessions").at(-1)?.sessions[0].uses.length === 1);
    await clock.advance(245);
    await until(() => sidebar.all("sessions").at(-1)?.sessions[0].uses.length === 0);
    expect(idp.reused).toEqual([]);
  });
});
