import { describe, expect, test } from "vitest";
import { ownAddress } from "../../oauth/callback-address.js";
import type { Provider } from "../../oauth/provider.js";
import { wanted } from "../../testing/page.js";
import { problemWith } from "../../testing/problem.js";
import { complete, destinationOf } from "./destination.js";
import { type ConfiguredProvider, type ServerProviders, serverProviders } from "./server-providers.js";

const ORIGIN = "http://localhost:8888";
const CALLBACK = `${ORIGIN}/user/alice/oidc-widget/callback`;
const NONE: ServerProviders = { redirect_uri: null, providers: [] };
const CORP: ConfiguredProvider = {
  name: "corp",
  label: "Corp",
  authority: "https://corp.example.com/realms/a",
  client_id: "from-server",
  scopes: ["openid", "groups"],
  extra_params: { acr_values: "mfa", prompt: "consent" },
  relay: true,
};

const provider = (issuer: string): Provider => ({ metadata: { issuer }, keys: {}, oidc: true });

/** Where a wish leads, when the provider calls itself so. */
function lead(changes: Parameters<typeof wanted>[0], server: ServerProviders = NONE, issuer?: string) {
  const completed = complete(wanted(changes), server);
  return destinationOf(completed, provider(issuer ?? completed.request.authority), server, CALLBACK);
}

const server = (changes: Partial<ServerProviders> = {}): ServerProviders => ({
  ...NONE,
  providers: [CORP],
  ...changes,
});

describe("the redirect address", () => {
  test("of an issuer that nobody vouches for is its own, and its answers count there alone", async () => {
    const { request, landing, forwardTo, linkedTo } = await lead({}, NONE, "https://idp.example.com/");
    const own = await ownAddress(CALLBACK, "https://idp.example.com/"); // letter by letter as it calls itself
    expect(request.redirect_uri).toBe(own);
    expect(landing).toBe(new URL(own).pathname);
    expect(forwardTo).toBeUndefined();
    expect(linkedTo).toMatchObject({ redirect_uri: own, configured: false, host: "idp.example.com" });
    expect(linkedTo.label).toBeUndefined();
  });

  test("of a configured issuer is this server's, however a notebook names it", async () => {
    for (const changes of [{ provider: "corp" }, { authority: `${CORP.authority}/`, client_id: "mine" }]) {
      const { request, landing, linkedTo } = await lead(changes, server(), CORP.authority);
      expect(request.redirect_uri).toBe(CALLBACK);
      expect(landing).toBe(new URL(CALLBACK).pathname);
      expect(linkedTo).toMatchObject({ configured: true, label: "Corp", host: "corp.example.com" });
    }
  });

  test.each([
    "https://corp.example.com/realms/b",
    "https://corp.example.com",
    "https://corp.example.com:444/realms/a",
    "http://corp.example.com/realms/a",
    "https://corp.example.com/realms/A",
  ])("of %s, which is another issuer than the configured one, is its own", async (issuer) => {
    const { linkedTo } = await lead({ authority: issuer }, server(), issuer);
    expect(linkedTo).toMatchObject({ configured: false, redirect_uri: await ownAddress(CALLBACK, issuer) });
  });

  test.each([
    ["/hub/oidc/callback", `${ORIGIN}/hub/oidc/callback`],
    ["https://hub.example.com/callback", "https://hub.example.com/callback"],
  ])(
    "is the Hub's one for all where there is one (%s), which appends the issuer's part itself",
    async (given, shared) => {
      const hub = server({ redirect_uri: given });
      const own = await lead({}, hub);
      expect(own.request.redirect_uri).toBe(await ownAddress(shared, "https://idp.example.com"));
      expect(own.forwardTo).toBe(CALLBACK);
      expect(own.landing).toBe(new URL(await ownAddress(CALLBACK, "https://idp.example.com")).pathname);
      const corp = await lead({ provider: "corp" }, hub);
      expect(corp.request.redirect_uri).toBe(shared);
      expect(corp.forwardTo).toBe(CALLBACK);
      expect(corp.landing).toBe(new URL(CALLBACK).pathname);
    },
  );

  test("is what the notebook asks for before all else; the answer still has to land where it belongs", async () => {
    const elsewhere = "https://mine.example.com/cb";
    const { request, forwardTo, landing } = await lead({ redirect_uri: elsewhere });
    expect(request.redirect_uri).toBe(elsewhere);
    expect(forwardTo).toBe(await ownAddress(CALLBACK, "https://idp.example.com"));
    expect(landing).toBe(new URL(forwardTo ?? "").pathname);
    const configured = server({ providers: [{ ...CORP, redirect_uri: "https://corp.example.com/cb" }] });
    expect((await lead({ provider: "corp" }, configured)).request.redirect_uri).toBe("https://corp.example.com/cb");
    const own = await ownAddress(CALLBACK, "https://idp.example.com");
    expect((await lead({ redirect_uri: own })).forwardTo).toBeUndefined();
  });

  test.each([
    ["the one of configured providers", CALLBACK],
    ["the same, written otherwise", `${ORIGIN}/user/alice/oidc-widget/%63allback`],
    ["another issuer's own", `${CALLBACK}/corp.example.com.0123456789abcdef`],
    ["another user's on this Hub", `${ORIGIN}/user/bob/oidc-widget/callback`],
    ["the Hub's", "https://hub.example.com/callback"],
    ["one below the Hub's", "https://hub.example.com/callback/corp.example.com.0123456789abcdef"],
    ["a configured provider's", "https://corp.example.com/cb"],
  ])("can't be %s, where another provider's answers arrive", async (_, redirect_uri) => {
    const configured = server({
      redirect_uri: "https://hub.example.com/callback",
      providers: [{ ...CORP, redirect_uri: "https://corp.example.com/cb" }],
    });
    const own = await ownAddress("https://hub.example.com/callback", "https://idp.example.com");
    const attempt = lead({ redirect_uri }, configured);
    expect(await problemWith(() => attempt)).toMatchObject({ code: "redirect_uri_mismatch", copy: own });
  });
});

describe("a configured provider", () => {
  test("brings its own settings; what the person adds comes on top", () => {
    const asked = wanted({ provider: "corp", authority: null, client_id: null, extra_params: { prompt: "login" } });
    expect(complete(asked, server()).request).toMatchObject({
      authority: CORP.authority,
      client_id: "from-server",
      extra_params: { acr_values: "mfa", prompt: "login" },
      provider: "corp",
      relay: true,
    });
  });

  test("is relayed only under its name: another client's secret is not the server's to add", () => {
    const { request } = complete(wanted({ authority: CORP.authority }), server());
    expect(request.relay).toBeUndefined();
    expect(request.client_id).toBe("notebooks");
  });

  test("of OAuth 2 alone is asked for tokens where the administrator says, not at its address", () => {
    const entry: ConfiguredProvider = {
      ...CORP,
      oidc: false,
      authorization_endpoint: "https://corp.example.com/login/authorize",
      token_endpoint: "https://corp.example.com/login/token",
    };
    const { request } = complete(wanted({ provider: "corp" }), server({ providers: [entry] }));
    expect(request.endpoints).toEqual({
      authorization_endpoint: "https://corp.example.com/login/authorize",
      token_endpoint: "https://corp.example.com/login/token",
      revocation_endpoint: undefined,
    });
  });

  test("is asked for the scopes that the person names, and else for those that were configured", () => {
    const of = (scopes: string[]) => complete(wanted({ provider: "corp", scopes }), server()).request.scopes;
    expect(of(["openid", "read"])).toEqual(["openid", "read"]);
    expect(of(["openid", "profile", "email"])).toEqual(CORP.scopes);
  });

  test("that does not exist is told, with those that do", async () => {
    const attempt = (providers: ConfiguredProvider[]) => () =>
      complete(wanted({ provider: "crop" }), server({ providers }));
    expect(await problemWith(attempt([CORP]))).toMatchObject({ code: "unknown_provider", hint: "It has “corp”." });
    expect((await problemWith(attempt([]))).hint).toContain("authority and client_id");
  });
});

test.each([undefined, null, [], "x", {}, { providers: {} }])("what is no list of providers is none: %j", (answer) => {
  expect(serverProviders(answer)).toBeUndefined();
});

test("a provider that lacks what every one has is left out, and takes no other with it", () => {
  const answer = serverProviders({ redirect_uri: 5, providers: [null, {}, { ...CORP, scopes: "x" }, CORP] });
  expect(answer).toEqual({ redirect_uri: null, providers: [CORP] });
});
