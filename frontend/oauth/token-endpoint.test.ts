import { describe, expect, test } from "vitest";
import { problemWith } from "../testing/problem.js";
import { ALICE, loginRequest, refusal, TestProvider } from "../testing/provider.js";
import { authorizationRequest } from "./authorization-request.js";
import { discover } from "./provider.js";
import type { LoginRequest } from "./request.js";
import { exchangeCode, refreshTokens, revokeToken } from "./token-endpoint.js";
import { inWords } from "./words.js";

async function ready() {
  const idp = await TestProvider.make();
  const provider = await discover(idp.issuer, idp.environment);
  async function signIn(request: LoginRequest = loginRequest()) {
    const sent = await authorizationRequest(provider, request, idp.environment);
    return exchangeCode(provider, request, sent, idp.authorize(sent.url, ALICE), idp.environment);
  }
  const refresh = (token: string, target = { scopes: [] as string[] }) =>
    refreshTokens(provider, "notebooks", token, target, idp.environment);
  return { idp, provider, signIn, refresh };
}

const problemOf = (attempt: Promise<unknown>) => problemWith(() => attempt);

describe("the code's exchange", () => {
  test("sends what RFC 6749 §4.1.3 and RFC 7636 §4.5 ask for, and no cookie", async () => {
    const { idp, signIn } = await ready();
    const tokens = await signIn();
    expect(tokens).toMatchObject({ access_token: "access-2", refresh_token: "refresh-3", expires_in: 300 });
    expect(tokens.claims).toMatchObject({ sub: "alice-1", name: "Alice Adams" });
    const call = idp.calls.at(-1);
    expect(call).toMatchObject({ method: "POST", init: { credentials: "omit", redirect: "error" } });
    expect(call?.form).toEqual({
      grant_type: "authorization_code",
      code: "code-1",
      client_id: "notebooks",
      redirect_uri: "http://localhost:8888/oidc-widget/callback",
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(call?.headers.has("authorization")).toBe(false);
  });

  test("repeats for which API the token is (RFC 8707 §2.2)", async () => {
    const { idp, signIn } = await ready();
    await signIn(loginRequest({ resource: "https://api.example.com", audience: "api" }));
    expect(idp.tokenRequests).toMatchObject([{ resource: "https://api.example.com", audience: "api" }]);
  });

  test("never takes place for an answer that is not ours", async () => {
    const { idp, provider } = await ready();
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, idp.environment);
    const other = await authorizationRequest(provider, request, idp.environment);
    const problem = await problemOf(exchangeCode(provider, request, sent, idp.authorize(other.url), idp.environment));
    expect(problem.code).toBe("state_mismatch");
    expect(idp.tokenRequests).toEqual([]);
  });
});

describe("a token response", () => {
  test.each<[unknown, number | undefined]>([
    [300, 300],
    [299.5, 299.5],
    ["3600", 3600],
    [31_536_000, 31_536_000], // a year
    [undefined, undefined],
    [null, undefined],
    [0, undefined],
    [-1, undefined],
    ["", undefined],
    ["soon", undefined],
    [true, undefined],
    [{}, undefined],
  ])("with expires_in %j gives %j seconds", async (said, expected) => {
    const { idp, signIn, refresh } = await ready();
    idp.answer = (body) => ({ ...body, expires_in: said });
    const tokens = await signIn();
    expect(tokens.expires_in).toBe(expected);
    expect((await refresh(tokens.refresh_token as string)).expires_in).toBe(expected);
  });

  test.each(["bearer", "BEARER", "Bearer"])("may write its type as %s", async (token_type) => {
    const { idp, signIn } = await ready();
    idp.answer = (body) => ({ ...body, token_type });
    await expect(signIn()).resolves.toMatchObject({ access_token: "access-2" });
  });

  test("may be without refresh token, or with an empty one", async () => {
    for (const refresh_token of [undefined, "", null]) {
      const { idp, signIn } = await ready();
      idp.answer = (body) => ({ ...body, refresh_token });
      expect((await signIn()).refresh_token).toBeUndefined();
    }
  });

  test("tells what was granted where that differs from what was asked for", async () => {
    const { idp, signIn } = await ready();
    idp.answer = (body) => ({ ...body, scope: "openid  read" });
    expect((await signIn()).scope).toBe("openid  read");
  });

  test("without ID token is no OpenID sign-in", async () => {
    for (const id_token of [undefined, "", null]) {
      const { idp, signIn } = await ready();
      idp.answer = (body) => ({ ...body, id_token });
      expect((await problemOf(signIn())).code).toBe("id_token_invalid");
    }
  });

  test("needs no ID token where the provider knows only OAuth 2, and says by the relay who it was", async () => {
    const { idp, provider } = await ready();
    idp.answer = ({ id_token: _, ...body }) => ({ ...body, userinfo: { id: 7, login: "alice" } });
    const oauth2 = { ...provider, oidc: false };
    const request = loginRequest({ scopes: ["read"] });
    const sent = await authorizationRequest(oauth2, request, idp.environment);
    const tokens = await exchangeCode(oauth2, request, sent, idp.authorize(sent.url), idp.environment);
    expect(tokens).toMatchObject({ access_token: "access-2", userinfo: { id: 7, login: "alice" } });
    expect(tokens.claims).toBeUndefined();
  });

  test("cannot bring userinfo past the ID token", async () => {
    const { idp, signIn } = await ready();
    idp.answer = (body) => ({ ...body, userinfo: { sub: "somebody-else" } });
    expect((await signIn()).userinfo).toBeUndefined();
  });

  test.each<[string, () => Response]>([
    ["no JSON", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["nothing", () => new Response("")],
    ["a list", () => Response.json([])],
    ["null", () => Response.json(null)],
    ["no access token", () => Response.json({ token_type: "Bearer" })],
    ["an empty access token", () => Response.json({ access_token: "", token_type: "Bearer" })],
    ["an access token of the wrong type", () => Response.json({ access_token: 5, token_type: "Bearer" })],
  ])("that is %s is not used", async (_, answer) => {
    const { idp, signIn, refresh } = await ready();
    idp.answer = answer;
    expect((await problemOf(signIn())).code).toBe("token_response_invalid");
    idp.answer = undefined;
    const { refresh_token } = await signIn();
    idp.answer = answer;
    expect((await problemOf(refresh(refresh_token as string))).code).toBe("token_response_invalid");
  });

  test("whose token is not a bearer token is not used: nobody here could prove possession", async () => {
    const { idp, signIn, refresh } = await ready();
    const { refresh_token } = await signIn();
    idp.answer = (body) => ({ ...body, token_type: "DPoP", id_token: undefined });
    expect((await problemOf(refresh(refresh_token as string))).code).toBe("token_response_invalid");
  });
});

describe("a refusal", () => {
  test.each([
    ["invalid_grant", "invalid_grant"],
    ["invalid_client", "unknown_client"],
    ["unauthorized_client", "unknown_client"],
    ["invalid_scope", "scope_unavailable"],
    ["invalid_target", "scope_unavailable"],
    ["invalid_request", "token_request_refused"],
    ["something_new", "token_request_refused"],
  ])("that says %s is the problem %s, with the provider's words", async (error, code) => {
    const { idp, signIn } = await ready();
    idp.answer = () => refusal(error, "The provider's words.");
    const problem = await problemOf(signIn());
    expect(problem.code).toBe(code);
    expect(problem.message).toContain("The provider's words.");
    expect(problem.hint).toBeTruthy();
  });

  test("with 401 and a challenge is told like any other (RFC 6749 §5.2)", async () => {
    const { idp, signIn } = await ready();
    idp.answer = () =>
      Response.json({ error: "invalid_client" }, { status: 401, headers: { "www-authenticate": 'Basic realm="idp"' } });
    const problem = await problemOf(signIn());
    expect(["unknown_client", "token_request_refused"]).toContain(problem.code);
  });

  test.each([400, 401, 403, 404])("with an empty body and status %i is told with its status", async (status) => {
    const { idp, signIn } = await ready();
    idp.answer = () => new Response("", { status });
    const problem = await problemOf(signIn());
    expect(problem.code).toBe("token_request_refused");
    expect(problem.message).toContain(String(status));
  });

  test.each([500, 502, 503, 429, 408])("with status %i is the provider's own trouble, which passes", async (status) => {
    const { idp, signIn } = await ready();
    for (const answer of [
      () => new Response("<h1>Bad gateway</h1>", { status }),
      () => Response.json({ error: "server_error" }, { status }),
    ]) {
      idp.answer = answer;
      expect((await problemOf(signIn())).code).toBe("token_endpoint_unreachable");
    }
  });

  test("by the browser or the network names both as possible", async () => {
    const { idp, provider } = await ready();
    const failure = new TypeError("Failed to fetch");
    const environment = { ...idp.environment, fetch: () => Promise.reject(failure) };
    const problem = await problemOf(refreshTokens(provider, "notebooks", "r", { scopes: [] }, environment));
    expect(problem.code).toBe("token_endpoint_unreachable");
    expect(problem.message).toContain("https://idp.example.com/token");
    expect(problem.message).toContain("CORS");
  });

  test.each([true, false])("of which nothing may be read can be about offline_access: %s", async (asked) => {
    const { idp, signIn } = await ready();
    idp.answer = () => {
      throw new TypeError("Failed to fetch"); // Keycloak's refusal has no CORS headers
    };
    const scopes = asked ? ["openid", "offline_access"] : ["openid"];
    const problem = await problemOf(signIn(loginRequest({ scopes })));
    expect(problem.code).toBe("token_endpoint_unreachable");
    expect(problem.hint).toContain("Allow this page's origin for the client");
    expect(problem.hint?.includes("leave it out of the scopes")).toBe(asked);
  });

  test("quotes no secret", async () => {
    const { idp, signIn, refresh } = await ready();
    const { refresh_token, access_token } = await signIn();
    for (const answer of [
      () => refusal("invalid_grant"),
      () => new Response("x", { status: 500 }),
      () => Response.json({}),
    ]) {
      idp.answer = answer;
      const problem = await problemOf(refresh(refresh_token as string));
      const text = JSON.stringify(inWords(problem.failure));
      for (const secret of [refresh_token, access_token]) expect(text).not.toContain(secret);
    }
  });
});

describe("a refresh", () => {
  test("sends the refresh token once and brings the next one", async () => {
    const { idp, signIn, refresh } = await ready();
    const first = await signIn();
    const second = await refresh(first.refresh_token as string);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(idp.tokenRequests.at(-1)).toEqual({
      grant_type: "refresh_token",
      client_id: "notebooks",
      refresh_token: first.refresh_token,
    });
  });

  test("may ask for another API and fewer scopes", async () => {
    const { idp, signIn } = await ready();
    idp.resources.add("https://api.example.com");
    const { refresh_token } = await signIn();
    const provider = await discover(idp.issuer, idp.environment);
    const target = { scopes: ["read", "write"], resource: "https://api.example.com", audience: "api" };
    await refreshTokens(provider, "notebooks", refresh_token as string, target, idp.environment);
    expect(idp.tokenRequests.at(-1)).toMatchObject({
      scope: "read write",
      resource: "https://api.example.com",
      audience: "api",
    });
  });

  test("needs neither ID token nor a new refresh token in its answer", async () => {
    const { idp, signIn, refresh } = await ready();
    const { refresh_token } = await signIn();
    idp.answer = ({ access_token, token_type }) => ({ access_token, token_type });
    const tokens = await refresh(refresh_token as string);
    expect(tokens.refresh_token).toBeUndefined();
    expect(tokens.claims).toBeUndefined();
  });

  test("has its ID token checked like the first one (OpenID Connect Core §12.2)", async () => {
    const { idp, signIn, refresh } = await ready();
    const { refresh_token } = await signIn();
    idp.idToken = (claims) => ({ ...claims, aud: "another-client" });
    expect((await problemOf(refresh(refresh_token as string))).code).toBe("id_token_invalid");
  });
});

describe("revocation (RFC 7009)", () => {
  test("says which token, of which client, and what kind it is", async () => {
    const { idp, provider } = await ready();
    expect(await revokeToken(provider, "notebooks", "refresh-1", idp.environment)).toBe(true);
    expect(idp.calls.at(-1)?.form).toEqual({
      token: "refresh-1",
      token_type_hint: "refresh_token",
      client_id: "notebooks",
    });
  });

  test.each<[string, () => Promise<Response>]>([
    ["refuses public clients", async () => Response.json({ error: "invalid_client" }, { status: 401 })],
    ["has no CORS", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["is broken", async () => new Response("", { status: 500 })],
  ])("never fails, also where the provider %s", async (_, answer) => {
    const { idp, provider } = await ready();
    expect(await revokeToken(provider, "notebooks", "r", { ...idp.environment, fetch: answer })).toBe(false);
  });

  test("is left out where the provider has none", async () => {
    const { idp, provider } = await ready();
    const { revocation_endpoint: _, ...metadata } = provider.metadata;
    expect(await revokeToken({ ...provider, metadata }, "notebooks", "r", idp.environment)).toBe(false);
    expect(idp.calls.filter(({ method }) => method === "POST")).toEqual([]);
  });
});
