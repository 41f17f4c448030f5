import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { problemWith } from "../testing/problem.js";
import { ALICE, loginRequest, TestProvider } from "../testing/provider.js";
import { type AuthorizationRequest, authorizationRequest } from "./authorization-request.js";
import { processAuthorizationResponse } from "./authorization-response.js";
import { discover, type Provider } from "./provider.js";

const parametersOf = ({ url }: AuthorizationRequest) => Object.fromEntries(new URL(url).searchParams);

async function ready(changes = {}) {
  const idp = await TestProvider.make();
  const provider = await discover(idp.issuer, idp.environment);
  Object.assign(provider.metadata, changes);
  return { idp, provider };
}

describe("an authorization request", () => {
  test("has PKCE S256 as in RFC 7636, appendix B", async () => {
    const { idp, provider } = await ready();
    const bytes = [
      116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191, 240,
      91, 88, 5, 88, 83, 132, 141, 121,
    ];
    const environment = { ...idp.environment, randomBytes: () => Uint8Array.from(bytes) };
    const sent = await authorizationRequest(provider, loginRequest(), environment);
    expect(sent.verifier).toBe("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    expect(parametersOf(sent)).toMatchObject({
      code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      code_challenge_method: "S256",
    });
  });

  test("says everything that OpenID Connect Core §3.1.2.1 asks for, and the verifier not at all", async () => {
    const { idp, provider } = await ready();
    const request = loginRequest({ resource: "https://api.example.com", audience: "api" });
    const sent = await authorizationRequest(provider, request, idp.environment);
    expect(sent.url).toMatch(/^https:\/\/idp\.example\.com\/authorize\?/);
    expect(parametersOf(sent)).toEqual({
      response_type: "code",
      client_id: "notebooks",
      redirect_uri: "http://localhost:8888/oidc-widget/callback",
      scope: "openid profile",
      state: sent.state,
      nonce: sent.nonce,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
      resource: "https://api.example.com",
      audience: "api",
    });
    expect(sent.url).not.toContain(sent.verifier);
  });

  test("never has the same state, nonce or verifier again, and those three differ", async () => {
    const { idp, provider } = await ready();
    const all: string[] = [];
    for (let count = 0; count < 20; count += 1) {
      const { state, nonce, verifier } = await authorizationRequest(provider, loginRequest(), idp.environment);
      all.push(state, nonce, verifier);
    }
    expect(new Set(all).size).toBe(60);
    for (const value of all) expect(value).toMatch(/^[\w-]{43}$/); // 256 bits
  });

  test("takes what a person adds, but not in place of what the protocol sets", async () => {
    const { idp, provider } = await ready();
    // The kernel's own list: it refuses them, and so does the server for a configured provider.
    const source = readFileSync("src/oidc_widget/oauth/reserved.py", "utf8")
      .split("RESERVED_HERE =")[0]
      .split("frozenset(")[1];
    const reserved = [...source.matchAll(/"(\w+)"/g)].map(([, name]) => name);
    expect(reserved).toContain("code_challenge");
    const evil = Object.fromEntries(reserved.map((name) => [name, "evil"]));
    const request = loginRequest({
      extra_params: { ...evil, prompt: "login", acr_values: "mfa", connector_id: "ldap" },
    });
    const sent = await authorizationRequest(provider, request, idp.environment);
    expect(sent.url).not.toContain("evil");
    const sentParameters = parametersOf(sent);
    expect(sentParameters).toMatchObject({ prompt: "login", acr_values: "mfa", connector_id: "ldap" });
    expect(sentParameters).toMatchObject({ response_type: "code", code_challenge_method: "S256" });
    for (const name of ["request", "request_uri", "response_mode"]) expect(sentParameters).not.toHaveProperty(name);
  });

  test("keeps the query that an authorization endpoint has (RFC 6749 §3.1)", async () => {
    const { idp, provider } = await ready({ authorization_endpoint: "https://idp.example.com/authorize?tenant=7" });
    const sent = await authorizationRequest(provider, loginRequest(), idp.environment);
    expect(parametersOf(sent)).toMatchObject({ tenant: "7", response_type: "code" });
  });

  test("has no nonce and no empty scope where a provider knows only OAuth 2", async () => {
    const { idp, provider } = await ready();
    const sent = await authorizationRequest(
      { ...provider, oidc: false },
      loginRequest({ scopes: [] }),
      idp.environment,
    );
    expect(parametersOf(sent)).not.toHaveProperty("nonce");
    expect(parametersOf(sent)).not.toHaveProperty("scope");
  });

  test("tells a fixed redirect address where to send the answer on to, at the end of state", async () => {
    const { idp, provider } = await ready();
    const own = "https://hub.example.com/user/ålice/oidc-widget/callback";
    const { state } = await authorizationRequest(provider, loginRequest(), idp.environment, own);
    const [random, forward, ...more] = state.split(".");
    expect(random).toMatch(/^[\w-]{43}$/);
    expect(Buffer.from(forward, "base64url").toString()).toBe(own);
    expect(more).toEqual([]);
  });
});

describe("an authorization response", () => {
  async function sent(changes = {}) {
    const { idp, provider } = await ready(changes);
    const request = loginRequest();
    const made = await authorizationRequest(provider, request, idp.environment);
    const read = (parameters: string | Record<string, string>) =>
      processAuthorizationResponse(provider, request.client_id, made, `?${new URLSearchParams(parameters)}`);
    return { idp, provider, request, made, read };
  }

  test("that is right gives the code", async () => {
    const { idp, provider, request, made } = await sent();
    const answer = idp.authorize(made.url, ALICE);
    expect(processAuthorizationResponse(provider, request.client_id, made, answer).get("code")).toBe("code-1");
  });

  test.each(["", "other", " "])("with the state %j belongs to another sign-in", async (state) => {
    const { read } = await sent();
    expect((await problemWith(() => read({ code: "c", state, iss: "https://idp.example.com" }))).code).toBe(
      "state_mismatch",
    );
  });

  test("without any state belongs to another sign-in, an error too", async () => {
    const { read } = await sent();
    expect((await problemWith(() => read({ code: "c", iss: "https://idp.example.com" }))).code).toBe("state_mismatch");
    expect((await problemWith(() => read({ error: "access_denied" }))).code).toBe("state_mismatch");
    expect((await problemWith(() => read(""))).code).toBe("state_mismatch");
  });

  test.each(["https://evil.example.com", "https://idp.example.com/", "HTTPS://idp.example.com", ""])(
    "from the issuer %j was not sent by our provider (RFC 9207 §2.4)",
    async (iss) => {
      for (const announced of [true, undefined]) {
        const { read, made } = await sent({ authorization_response_iss_parameter_supported: announced });
        const answers: Record<string, string>[] = [{ code: "c" }, { error: "access_denied" }];
        for (const answer of answers) {
          const problem = await problemWith(() => read({ ...answer, state: made.state, iss }));
          expect(problem.code).toBe("iss_mismatch");
        }
      }
    },
  );

  test("without iss is refused where the provider says that it always sends one", async () => {
    const { read, made } = await sent();
    expect((await problemWith(() => read({ code: "c", state: made.state }))).code).toBe("iss_mismatch");
  });

  test("without iss is taken where the provider does not announce it", async () => {
    const { read, made } = await sent({ authorization_response_iss_parameter_supported: undefined });
    expect(read({ code: "c", state: made.state }).get("code")).toBe("c");
  });

  test("with an error is told in the provider's words", async () => {
    for (const announced of [true, undefined]) {
      const { read, made, idp } = await sent({ authorization_response_iss_parameter_supported: announced });
      const answer = { error: "access_denied", error_description: "The user said no.", state: made.state };
      const problem = await problemWith(() => read(announced ? { ...answer, iss: idp.issuer } : answer));
      expect(problem.code).toBe("access_denied");
      expect(problem.message).toContain("The user said no.");
      expect(problem.hint).toBeTruthy();
    }
  });

  test("with an error and without the iss that was announced ends the attempt, but is not told as the provider's", async () => {
    const { read, made } = await sent();
    const answer = { error: "access_denied", error_description: "Call 555-0100.", state: made.state };
    const problem = await problemWith(() => read(answer));
    expect(problem.code).toBe("authorization_failed");
    expect(JSON.stringify(problem)).not.toContain("555-0100");
  });

  test.each([
    ["access_denied", "access_denied"],
    ["unauthorized_client", "unknown_client"],
    ["invalid_client", "unknown_client"],
    ["invalid_scope", "scope_unavailable"],
    ["invalid_target", "scope_unavailable"],
    ["login_required", "authorization_failed"],
    ["server_error", "authorization_failed"],
    ["constructor", "authorization_failed"],
  ])("that says %s is the problem %s", async (error, code) => {
    const { read, made, idp } = await sent();
    const problem = await problemWith(() => read({ error, state: made.state, iss: idp.issuer }));
    expect(problem.code).toBe(code);
    expect(problem.message).not.toContain("undefined");
  });

  test("quotes no more than a few lines of what the provider says", async () => {
    const { read, made, idp } = await sent();
    const long = "x".repeat(5000);
    const problem = await problemWith(() =>
      read({ error: "server_error", error_description: long, state: made.state, iss: idp.issuer }),
    );
    expect(problem.message).toContain("xxx");
    expect(problem.message.length).toBeLessThan(500);
  });

  test.each<[string, string]>([
    ["no code", "iss=https://idp.example.com"],
    ["an empty code", "iss=https://idp.example.com&code="],
    ["two codes", "iss=https://idp.example.com&code=a&code=b"],
    ["two issuers", "iss=https://idp.example.com&iss=https://idp.example.com&code=a"],
    ["a packed answer nobody asked for (JARM)", "iss=https://idp.example.com&response=e30"],
    ["a packed answer beside the code", "iss=https://idp.example.com&code=a&response=e30"],
    ["a token beside the code", "iss=https://idp.example.com&code=a&id_token=e30"],
  ])("with %s is not used", async (_, query) => {
    const { read, made } = await sent();
    expect((await problemWith(() => read(`state=${made.state}&${query}`))).code).toBe("authorization_failed");
  });

  test("with its state twice is not used", async () => {
    const { read, made } = await sent();
    const twice = `state=${made.state}&state=x&code=a&iss=https://idp.example.com`;
    expect((await problemWith(() => read(twice))).code).toBe("authorization_failed");
  });
});

test("the provider's type needs no more than these for a sign-in", async () => {
  const provider: Provider = {
    metadata: { issuer: "https://a.example", authorization_endpoint: "https://a.example/a" },
    keys: {},
    oidc: true,
  };
  const idp = await TestProvider.make();
  await expect(authorizationRequest(provider, loginRequest(), idp.environment)).resolves.toBeTruthy();
});
