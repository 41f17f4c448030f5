// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { callbackUrl, type JupyterHost, jupyterHost } from "./host.js";
import { fetchProviders, isUsualRedirectUri, type ServerProviders } from "./providers.js";

const HOST: JupyterHost = { baseUrl: "/user/alice/", filesUrl: "", headers: () => ({ "X-XSRFToken": "xsrf" }) };
const OWN = "http://localhost:3000/user/alice/oidc-widget/callback";
const NONE: ServerProviders = { redirect_uri: null, providers: [] };

describe("a redirect address goes without saying", () => {
  const usual = (address: string, redirect_uri: string | null = null) =>
    isUsualRedirectUri(address, { ...NONE, redirect_uri }, HOST);

  test("where it is this server's own callback, as the browser sees it, or an issuer's below it", () => {
    expect(callbackUrl(HOST)).toBe(OWN);
    expect([usual(OWN), usual(`${OWN}/idp.example.com.0123456789abcdef`)]).toEqual([true, true]);
    expect([usual(`${OWN}er`), usual("https://mine.example.com/callback")]).toEqual([false, false]);
  });

  test.each([
    ["/hub/oidc/callback", "http://localhost:3000/hub/oidc/callback"],
    ["https://hub.example.com/callback", "https://hub.example.com/callback"],
  ])("where it is the hub's one for all (%s)", (redirect_uri, address) => {
    expect([usual(address, redirect_uri), usual(`${address}/idp.example.com.0123456789abcdef`, redirect_uri)]).toEqual([
      true,
      true,
    ]);
    expect(usual(address)).toBe(false);
  });
});

describe("asking the server", () => {
  test("takes its cookie and its token along", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json(NONE));
    vi.stubGlobal("fetch", fetch);
    expect(await fetchProviders(HOST)).toEqual(NONE);
    const [[url, init]] = fetch.mock.calls;
    expect(url).toBe("http://localhost:3000/user/alice/oidc-widget/api/providers");
    expect(init).toMatchObject({ credentials: "same-origin", headers: { "X-XSRFToken": "xsrf" } });
  });

  test("says what to install where the server has no oidc-widget", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
    await expect(fetchProviders(HOST)).rejects.toMatchObject({
      code: "server_unavailable",
      problem: { hint: expect.stringContaining("Install oidc-widget") },
    });
  });

  test.each<[string, () => Promise<Response>]>([
    ["is gone", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["asks for a sign-in of its own", async () => new Response("", { status: 403 })],
    ["shows its sign-in page", async () => new Response("<!doctype html>")],
  ])("says so when it %s", async (_, answer) => {
    vi.stubGlobal("fetch", answer);
    await expect(fetchProviders(HOST)).rejects.toMatchObject({ code: "server_unavailable" });
  });
});

describe("the page is a Jupyter page", () => {
  beforeEach(() => document.body.replaceChildren());

  const configured = (config: string) => {
    const script = document.createElement("script");
    script.id = "jupyter-config-data";
    script.type = "application/json";
    script.textContent = config;
    document.body.append(script);
    return jupyterHost();
  };

  test("when it has Jupyter's settings; XSRF cookie and token go along", () => {
    // biome-ignore lint/suspicious/noDocumentCookie: this is how a page reads it; Cookie Store is not everywhere
    document.cookie = "_xsrf=2|abc";
    const host = configured('{"baseUrl":"/a/","fullLabextensionsUrl":"/a/lab/extensions","token":"t"}');
    expect(host).toMatchObject({
      baseUrl: "/a/",
      filesUrl: "http://localhost:3000/a/lab/extensions/oidc-widget/static/",
    });
    expect(host?.headers()).toEqual({ "X-XSRFToken": "2|abc", Authorization: "token t" });
  });

  test.each(["", "{}", "[]", "null", "not JSON", '{"baseUrl":"/"}', '{"baseUrl":1,"fullLabextensionsUrl":2}'])(
    "only then: %j",
    (config) => expect(configured(config)).toBeNull(),
  );

  test("only then: nothing at all", () => expect(jupyterHost()).toBeNull());
});
