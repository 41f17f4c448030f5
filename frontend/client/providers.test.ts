// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { callbackUrl, type JupyterHost, jupyterHost } from "./host.js";
import {
  completeRequest,
  DEFAULT_SCOPES,
  fetchProviders,
  type ProviderEntry,
  type ServerProviders,
  type Wanted,
} from "./providers.js";

const HOST: JupyterHost = { baseUrl: "/user/alice/", filesUrl: "", headers: () => ({ "X-XSRFToken": "xsrf" }) };
const OWN = "http://localhost:3000/user/alice/oidc-widget/callback";
const NONE: ServerProviders = { redirect_uri: null, providers: [] };

const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
  authority: "https://idp.example.com",
  client_id: "notebooks",
  provider: null,
  scopes: DEFAULT_SCOPES,
  resource: null,
  audience: null,
  extra_params: {},
  redirect_uri: null,
  ...changes,
});

const CORP: ProviderEntry = {
  name: "corp",
  label: "Corp",
  authority: "https://corp.example.com",
  client_id: "from-server",
  scopes: ["openid", "groups"],
  extra_params: { acr_values: "mfa", prompt: "consent" },
  relay: true,
};

describe("the redirect address", () => {
  test("is this server's own callback, as the browser sees it", () => {
    const { request, forward_to } = completeRequest(wanted(), NONE, HOST);
    expect(request.redirect_uri).toBe(OWN);
    expect(callbackUrl(HOST)).toBe(OWN);
    expect(forward_to).toBeUndefined();
  });

  test.each([
    ["/hub/oidc/callback", "http://localhost:3000/hub/oidc/callback"],
    ["https://hub.example.com/callback", "https://hub.example.com/callback"],
  ])("is the hub's one for all where there is one (%s), which sends on to our own", (redirect_uri, address) => {
    const { request, forward_to } = completeRequest(wanted(), { ...NONE, redirect_uri }, HOST);
    expect(request.redirect_uri).toBe(address);
    expect(forward_to).toBe(OWN);
  });

  test("is what the person asks for before all else, then the provider's, then the hub's", () => {
    const server = { redirect_uri: "/hub", providers: [{ ...CORP, redirect_uri: "https://corp/cb" }] };
    const of = (changes: Partial<Wanted>) => completeRequest(wanted(changes), server, HOST).request.redirect_uri;
    expect(of({ provider: "corp", redirect_uri: "https://mine/cb" })).toBe("https://mine/cb");
    expect(of({ provider: "corp" })).toBe("https://corp/cb");
    expect(of({})).toBe("http://localhost:3000/hub");
  });
});

describe("a configured provider", () => {
  test("brings its own settings; what the person adds comes on top", () => {
    const asked = wanted({ provider: "corp", authority: null, client_id: null, extra_params: { prompt: "login" } });
    const { request, label } = completeRequest(asked, { redirect_uri: null, providers: [CORP] }, HOST);
    expect(request).toMatchObject({
      authority: "https://corp.example.com",
      client_id: "from-server",
      scopes: ["openid", "groups"],
      extra_params: { acr_values: "mfa", prompt: "login" },
      provider: "corp",
      relay: true,
    });
    expect(label).toBe("Corp");
  });

  test("of OAuth 2 alone is asked for tokens where it says, not at its address", () => {
    const entry: ProviderEntry = {
      ...CORP,
      oidc: false,
      relay: false,
      authorization_endpoint: "https://corp.example.com/login/authorize",
      token_endpoint: "https://corp.example.com/login/token",
    };
    const { request } = completeRequest(wanted({ provider: "corp" }), { redirect_uri: null, providers: [entry] }, HOST);
    expect(request.endpoints).toEqual({
      authorization_endpoint: "https://corp.example.com/login/authorize",
      token_endpoint: "https://corp.example.com/login/token",
      revocation_endpoint: undefined,
    });
  });

  test("is asked for the scopes that the person names, and else for those that were configured", () => {
    const of = (scopes: string[]) =>
      completeRequest(wanted({ provider: "corp", scopes }), { redirect_uri: null, providers: [CORP] }, HOST).request
        .scopes;
    expect(of(["openid", "read"])).toEqual(["openid", "read"]);
    expect(of(DEFAULT_SCOPES)).toEqual(CORP.scopes);
  });

  test("that does not exist is told, with those that do", () => {
    const attempt = (providers: ProviderEntry[]) => () =>
      completeRequest(wanted({ provider: "crop" }), { redirect_uri: null, providers }, HOST);
    const told = (problem: object) => expect.objectContaining({ problem: expect.objectContaining(problem) });
    expect(attempt([CORP])).toThrow(told({ code: "unknown_provider", hint: "It has “corp”." }));
    expect(attempt([])).toThrow(told({ hint: expect.stringContaining("authority and client_id") }));
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

  test("does without it where the server extension is not enabled", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
    expect(await fetchProviders(HOST)).toEqual(NONE);
  });

  test.each<[string, () => Promise<Response>]>([
    ["is gone", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["asks for a sign-in of its own", async () => new Response("", { status: 403 })],
    ["shows its sign-in page", async () => new Response("<!doctype html>")],
  ])("says so when it %s", async (_, answer) => {
    vi.stubGlobal("fetch", answer);
    await expect(fetchProviders(HOST)).rejects.toMatchObject({ code: "provider_unreachable" });
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
