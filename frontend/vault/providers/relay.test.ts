import { describe, expect, test } from "vitest";
import { authorizationRequest } from "../../oauth/authorization-request.js";
import { discover } from "../../oauth/provider.js";
import { exchangeCode, refreshTokens, revokeToken } from "../../oauth/token-endpoint.js";
import { problemWith } from "../../testing/problem.js";
import { ALICE, loginRequest, TestProvider } from "../../testing/provider.js";
import { relayed } from "./relay.js";

const BASE = "http://localhost:8888/user/alice/";

/** A Jupyter server that passes everything on to the provider, as ours does. */
async function ready(
  status = 200,
  error = "not_signed_in_to_jupyter",
  error_description?: string,
  headers: Record<string, string> = {},
) {
  const idp = await TestProvider.make();
  const seen: { address: string; init: RequestInit }[] = [];
  const direct = idp.environment.fetch;
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const address = String(input);
    seen.push({ address, init });
    if (!address.startsWith(BASE)) throw new TypeError("no CORS");
    if (status !== 200) return Response.json({ error, error_description }, { status, headers });
    const what = address.split("/").at(-1);
    if (what === "metadata") {
      const metadata = await (await direct(`${idp.issuer}/.well-known/openid-configuration`)).json();
      return Response.json({ metadata, jwks: await (await direct(metadata.jwks_uri)).json() });
    }
    if (what === "revoke") return Response.json({});
    return direct(idp.metadata.token_endpoint as string, init);
  };
  const server = { baseUrl: BASE, headers: { "X-XSRFToken": "first" } };
  const environment = relayed({ ...idp.environment, fetch }, "corp idp", server);
  const renew = () => {
    server.headers = { "X-XSRFToken": "second" };
  };
  return { idp, environment, seen, renew };
}

async function signedIn() {
  const parts = await ready();
  const provider = await discover(parts.idp.issuer, parts.environment);
  const request = loginRequest();
  const sent = await authorizationRequest(provider, request, parts.environment);
  const tokens = await exchangeCode(provider, request, sent, parts.idp.authorize(sent.url, ALICE), parts.environment);
  return { ...parts, provider, tokens };
}

describe("by way of the Jupyter server", () => {
  test("everything is asked for there, keys and all, with its cookie and headers", async () => {
    const { seen, tokens } = await signedIn();
    expect(tokens.claims).toMatchObject({ name: "Alice Adams" });
    expect(new Set(seen.map(({ address }) => address))).toEqual(
      new Set([
        `${BASE}oidc-widget/api/providers/corp%20idp/metadata`,
        `${BASE}oidc-widget/api/providers/corp%20idp/token`,
      ]),
    );
    for (const { init } of seen) {
      expect(init).toMatchObject({ credentials: "same-origin" });
      expect(new Headers(init.headers).get("x-xsrftoken")).toBe("first");
    }
  });

  test("a refresh is sent with the headers of now", async () => {
    const { environment, seen, provider, tokens, renew } = await signedIn();
    renew();
    await refreshTokens(provider, "notebooks", tokens.refresh_token as string, { scopes: [] }, environment);
    expect(new Headers(seen.at(-1)?.init.headers).get("x-xsrftoken")).toBe("second");
  });

  test("a token is revoked under the name that Jupyter leaves alone", async () => {
    const { environment, seen, provider: plain, tokens } = await signedIn();
    const provider = {
      ...plain,
      metadata: { ...plain.metadata, revocation_endpoint: "https://idp.example.com/revoke" },
    };
    expect(await revokeToken(provider, "notebooks", tokens.refresh_token as string, environment)).toBe(true);
    const last = seen.at(-1);
    expect(last?.address).toBe(`${BASE}oidc-widget/api/providers/corp%20idp/revoke`);
    expect(String(last?.init.body)).toBe(`refresh_token=${tokens.refresh_token}`);
  });

  test.each([401, 403])("%i is Jupyter's own, and no end of the session", async (status) => {
    const { provider, tokens } = await signedIn();
    const { environment } = await ready(status);
    const attempt = refreshTokens(provider, "notebooks", tokens.refresh_token as string, { scopes: [] }, environment);
    expect(await problemWith(() => attempt)).toMatchObject({
      code: "token_endpoint_unreachable",
      hint: expect.stringContaining("Sign in to Jupyter again"),
    });
  });

  test("a provider that can't be read for want of a sign-in to Jupyter is not called unreachable", async () => {
    const { idp, environment } = await ready(403);
    const problem = await problemWith(() => discover(idp.issuer, environment));
    expect(problem.hint).toContain("Sign in to Jupyter again");
  });

  test("401 for a client secret that is wrong is the provider's, and said to be", async () => {
    const { provider, tokens } = await signedIn();
    const { environment } = await ready(401, "invalid_client");
    const attempt = refreshTokens(provider, "notebooks", tokens.refresh_token as string, { scopes: [] }, environment);
    expect((await problemWith(() => attempt)).code).toBe("unknown_client");
  });

  test.each([429, 502])("when to ask again is heard, with %i", async (status) => {
    const { provider, tokens } = await signedIn();
    const { environment } = await ready(status, "slow_down", "Corp has a problem.", { "retry-after": "40" });
    const attempt = refreshTokens(provider, "notebooks", tokens.refresh_token as string, { scopes: [] }, environment);
    await expect(attempt).rejects.toMatchObject({ facts: { retryAfter: 40 } });
  });

  test.each([
    ["metadata", "issuer_mismatch", "issuer_mismatch"],
    ["metadata", "server_error", "provider_unreachable"],
    ["token", "token_response_invalid", "token_endpoint_unreachable"],
  ])("what is wrong behind the server is told in its words: %s, %s", async (what, error, code) => {
    const { environment } = await ready(502, error, "Corp answers with a page.");
    const ask = environment.fetch(
      "https://idp.example.com/.well-known/openid-configuration",
      what === "token" ? { method: "POST", body: "grant_type=refresh_token" } : {},
    );
    expect(await problemWith(() => ask)).toMatchObject({ code, message: "Corp answers with a page." });
  });
});
