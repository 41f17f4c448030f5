import { beforeAll, describe, expect, test } from "vitest";
import { problemWith } from "../testing/problem.js";
import { ALICE, loginRequest, TestProvider } from "../testing/provider.js";
import { encode, forgedWithPublicKey, SigningKey } from "../testing/signing-key.js";
import { authorizationRequest } from "./authorization-request.js";
import { discover } from "./provider.js";
import { exchangeCode, refreshTokens } from "./token-endpoint.js";

type Claims = Record<string, unknown>;

const hash = async (bits: 256 | 384 | 512, text: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest(`SHA-${bits}`, Buffer.from(text)));
  return encode(digest.slice(0, digest.length / 2));
};

let idp: TestProvider;
let spare: SigningKey;
beforeAll(async () => {
  spare = await SigningKey.make("ES256", "key-1");
});

async function setUp(key?: SigningKey): Promise<void> {
  idp = await TestProvider.make({ key });
}

async function signIn(extra_params: Record<string, string> = {}) {
  const provider = await discover(idp.issuer, idp.environment);
  const request = loginRequest({ extra_params });
  const sent = await authorizationRequest(provider, request, idp.environment);
  return exchangeCode(provider, request, sent, idp.authorize(sent.url, ALICE), idp.environment);
}

/** The problem of a sign-in; `undefined` if it went well. */
async function problem(extra_params?: Record<string, string>) {
  let done = false;
  const attempt = async () => {
    await signIn(extra_params);
    done = true;
  };
  return problemWith(attempt).catch((failure) => {
    if (!done) throw failure;
    return undefined;
  });
}

/** Seconds since the epoch, some seconds from now. */
const at = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

describe("an ID token is refused", () => {
  const wrong: [what: string, change: (claims: Claims) => Claims, reason: string][] = [
    ["of another issuer", (c) => ({ ...c, iss: "https://evil.example.com" }), "another issuer"],
    ["of the issuer spelt otherwise", (c) => ({ ...c, iss: "https://idp.example.com/" }), "another issuer"],
    ["without issuer", (c) => ({ ...c, iss: undefined }), ""],
    ["for another client", (c) => ({ ...c, aud: "other" }), "another client"],
    ["for other clients", (c) => ({ ...c, aud: ["other", "others"] }), "another client"],
    ["for nobody", (c) => ({ ...c, aud: [] }), "another client"],
    ["without audience", (c) => ({ ...c, aud: undefined }), ""],
    ["for several without saying who asked for it", (c) => ({ ...c, aud: ["notebooks", "api"] }), ""],
    [
      "for several that another client asked for",
      (c) => ({ ...c, aud: ["notebooks", "api"], azp: "other" }),
      "another client",
    ],
    ["of another sign-in", (c) => ({ ...c, nonce: "other" }), "nonce"],
    ["without nonce", (c) => ({ ...c, nonce: undefined }), ""],
    ["that has expired", (c) => ({ ...c, iat: at(-7200), exp: at(-3600) }), "expired"],
    ["that ends before it was made", (c) => ({ ...c, exp: (c.iat as number) - 60 }), "expired"],
    ["without end", (c) => ({ ...c, exp: undefined }), ""],
    ["whose end is a text", (c) => ({ ...c, exp: "tomorrow" }), ""],
    ["without time of issue", (c) => ({ ...c, iat: undefined }), ""],
    ["that is not valid yet", (c) => ({ ...c, nbf: at(3600) }), "not valid yet"],
    ["without subject", (c) => ({ ...c, sub: undefined }), ""],
    ["of another access token", (c) => ({ ...c, at_hash: encode("0123456789abcdef") }), "at_hash"],
    ["with an at_hash of the wrong type", (c) => ({ ...c, at_hash: 7 }), "at_hash"],
  ];

  test.each(wrong)("%s", async (_, change, reason) => {
    await setUp();
    idp.idToken = change;
    const found = await problem();
    expect(found?.code).toBe("id_token_invalid");
    expect(found?.message).toContain(reason);
    expect(found?.hint).toBeTruthy();
  });

  test("signed by somebody else under our provider's key id", async () => {
    await setUp();
    idp.idToken = (claims) => spare.sign(claims);
    expect(await problem()).toMatchObject({ code: "id_token_invalid", message: expect.stringContaining("signature") });
  });

  test("changed after it was signed", async () => {
    await setUp();
    idp.idToken = async (claims) => {
      const [header, , signature] = (await idp.key.sign(claims)).split(".");
      return [header, encode({ ...claims, sub: "admin" }), signature].join(".");
    };
    expect(await problem()).toMatchObject({ code: "id_token_invalid", message: expect.stringContaining("signature") });
  });

  test.each([
    ["without signature (alg none)", (claims: Claims) => `${encode({ alg: "none" })}.${encode(claims)}.`],
    ["with alg none and a signature", (claims: Claims) => `${encode({ alg: "none" })}.${encode(claims)}.AAAA`],
    ["with an empty signature", (claims: Claims) => `${encode({ alg: "ES256", kid: "key-1" })}.${encode(claims)}.`],
    ["without alg", (claims: Claims) => `${encode({ kid: "key-1" })}.${encode(claims)}.AAAA`],
    ["that is no JWS", () => "token"],
    ["that is an encrypted one", () => "a.b.c.d.e"],
    ["whose claims are no object", () => `${encode({ alg: "ES256" })}.${encode("[]")}.AAAA`],
  ])("%s", async (_, make) => {
    await setUp();
    idp.idToken = make;
    expect((await problem())?.code).toBe("id_token_invalid");
  });

  test("signed with the public key as an HMAC secret (RFC 8725 §2.1)", async () => {
    for (const announced of [undefined, ["HS256"], ["ES256", "HS256"]]) {
      await setUp();
      idp.metadata.id_token_signing_alg_values_supported = announced;
      idp.idToken = (claims) => forgedWithPublicKey(idp.key, claims);
      expect(await problem(), String(announced)).toMatchObject({
        code: "id_token_invalid",
        message: expect.stringContaining("HS256"),
      });
    }
  });

  test("with an extension that must be understood (RFC 7515 §4.1.11)", async () => {
    await setUp();
    idp.idToken = (claims) => idp.key.sign(claims, { crit: ["b64"], b64: false });
    expect((await problem())?.code).toBe("id_token_invalid");
  });

  test("with a key of its own choice in its header (RFC 7515 §4.1.2, §4.1.3)", async () => {
    await setUp();
    idp.idToken = (claims) => spare.sign(claims, { jwk: spare.jwk, jku: "https://evil.example.com/keys" });
    expect((await problem())?.code).toBe("id_token_invalid");
    expect(idp.calls.some(({ url }) => url.includes("evil"))).toBe(false);
  });

  test("when no key can be had", async () => {
    await setUp();
    idp.jwks = { keys: [] };
    expect((await problem())?.code).toBe("id_token_invalid");
    expect(idp.calls.filter(({ url }) => url === idp.metadata.jwks_uri)).toHaveLength(2); // once more, and no oftener
  });

  test.each<[string, ResponseInit]>([
    ["are served with an error", { status: 500 }],
    ["are a web page", { headers: { "content-type": "text/html" } }],
  ])("when its keys %s, whatever they say", async (_, init) => {
    await setUp();
    const { fetch } = idp;
    const bad: typeof fetch = async (input, given) =>
      String(input) === idp.metadata.jwks_uri ? new Response(JSON.stringify(idp.jwks), init) : fetch(input, given);
    const environment = { ...idp.environment, fetch: bad };
    const provider = await discover(idp.issuer, environment);
    expect(provider.keys).toEqual({});
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, environment);
    const attempt = exchangeCode(provider, request, sent, idp.authorize(sent.url), environment);
    expect((await problemWith(() => attempt)).code).toBe("provider_unreachable");
  });

  test("and its tokens are revoked: nobody will use them", async () => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, nonce: "other" });
    expect((await problem())?.code).toBe("id_token_invalid");
    expect(idp.revoked).toHaveLength(1);
    expect(idp.refreshTokens.size).toBe(0);
  });
});

describe("an ID token is taken", () => {
  const right: [what: string, change: (claims: Claims) => Claims][] = [
    ["with a list of one audience", (c) => ({ ...c, aud: ["notebooks"] })],
    ["with several audiences and azp", (c) => ({ ...c, aud: ["api", "notebooks"], azp: "notebooks" })],
    ["with azp beside one audience", (c) => ({ ...c, azp: "notebooks" })],
    ["with auth_time as a float", (c) => ({ ...c, auth_time: 1_700_000_000.25 })],
    ["with auth_time 0", (c) => ({ ...c, auth_time: 0 })],
    ["with exp as a float", (c) => ({ ...c, exp: at(300) + 0.5 })],
    ["with claims nobody knows", (c) => ({ ...c, groups: ["a"], "https://example.com/x": { y: 1 } })],
  ];

  test.each(right)("%s", async (_, change) => {
    await setUp();
    idp.idToken = change;
    expect(await problem()).toBeUndefined();
  });

  test.each(["ES256", "ES384", "RS256", "RS512", "PS256", "EdDSA", "Ed25519"] as const)(
    "signed with %s, and at_hash by its hash",
    async (alg) => {
      await setUp(await SigningKey.make(alg, "k"));
      const bits = alg.startsWith("Ed") ? 512 : (Number(alg.slice(2)) as 256 | 384 | 512);
      idp.idToken = async (claims, token) => ({ ...claims, at_hash: await hash(bits, token) });
      expect(await problem()).toBeUndefined();
      idp.idToken = async (claims) => ({ ...claims, at_hash: await hash(bits, "another access token") });
      expect((await problem())?.message).toContain("at_hash");
    },
  );

  test("with a key that says neither alg nor use", async () => {
    await setUp(await SigningKey.make("RS512", "k"));
    const { alg: _, use: __, ...bare } = idp.key.jwk;
    idp.jwks = { keys: [bare] };
    expect(await problem()).toBeUndefined();
  });

  test("without key id where there is one key that fits", async () => {
    await setUp(await SigningKey.make("ES256"));
    const other = await SigningKey.make("RS256");
    idp.jwks = { keys: [other.jwk, { kty: "OKP", crv: "X25519", x: "abc", use: "enc" }, idp.key.jwk] };
    expect(await problem()).toBeUndefined();
  });

  test("after the provider has changed its keys a moment ago, past every cache", async () => {
    await setUp();
    const provider = await discover(idp.issuer, idp.environment);
    const before = idp.calls.length;
    idp.useKey(await SigningKey.make("ES256", "key-2"));
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, idp.environment);
    const tokens = await exchangeCode(provider, request, sent, idp.authorize(sent.url, ALICE), idp.environment);
    expect(tokens.claims?.sub).toBe("alice-1");
    const asked = idp.calls.slice(before).filter(({ url }) => url === idp.metadata.jwks_uri);
    expect(asked.map(({ init }) => init.cache)).toEqual(["no-store"]);
    expect(provider.keys).toMatchObject({ jwks: { keys: [{ kid: "key-2" }] } }); // and the next one is known
  });

  test("after the provider has made another key under the same name", async () => {
    await setUp();
    const provider = await discover(idp.issuer, idp.environment);
    idp.useKey(await SigningKey.make("ES256", "key-1"));
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, idp.environment);
    await expect(exchangeCode(provider, request, sent, idp.authorize(sent.url), idp.environment)).resolves.toBeTruthy();
  });

  test("although the keys could not be had beforehand", async () => {
    await setUp();
    const { fetch } = idp;
    let down = true;
    const flaky: typeof fetch = (input, init) => {
      if (down && String(input) === idp.metadata.jwks_uri) return Promise.reject(new TypeError("Failed to fetch"));
      return fetch(input, init);
    };
    const environment = { ...idp.environment, fetch: flaky };
    const provider = await discover(idp.issuer, environment);
    down = false;
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, environment);
    await expect(exchangeCode(provider, request, sent, idp.authorize(sent.url), environment)).resolves.toBeTruthy();
  });
});

describe("when and how the person signed in", () => {
  test("is not asked about where the request did not", async () => {
    await setUp();
    expect(await problem()).toBeUndefined();
  });

  test.each([
    ["ten years ago", -10 * 365 * 86_400],
    ["a little longer ago than that", -40],
    ["never", undefined],
    ["in a word", "now"],
  ])("with max_age 30 is refused: %s (OpenID Connect Core §3.1.2.1)", async (_, ago) => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, auth_time: typeof ago === "number" ? at(ago) : ago });
    expect((await problem({ max_age: "30" }))?.code).toBe("id_token_invalid");
  });

  test.each([0, -3, -29])("with max_age 30 is taken: %i s ago", async (ago) => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, auth_time: at(ago) });
    expect(await problem({ max_age: "30" })).toBeUndefined();
  });

  test("counts from when they were sent: consent may take a while", async () => {
    await setUp();
    const provider = await discover(idp.issuer, idp.environment);
    const request = loginRequest({ extra_params: { max_age: "0" } });
    const sent = await authorizationRequest(provider, request, idp.environment);
    sent.sentAt = at(-300);
    idp.idToken = (claims) => ({ ...claims, auth_time: at(-290) });
    const attempt = exchangeCode(provider, request, sent, idp.authorize(sent.url), idp.environment);
    await expect(attempt).resolves.toBeTruthy();
  });

  test("is told by the provider's own clock", async () => {
    await setUp();
    idp.ahead = -600;
    idp.idToken = (claims) => ({ ...claims, auth_time: claims.iat });
    expect(await problem({ max_age: "10" })).toBeUndefined();
    idp.idToken = (claims) => ({ ...claims, auth_time: (claims.iat as number) - 60 });
    expect((await problem({ max_age: "10" }))?.message).toContain("auth_time");
  });

  test.each<[string, unknown]>([
    ["another acr", "urn:pwd"],
    ["none", undefined],
    ["a list", ["urn:mfa"]],
    ["part of one", "urn:mf"],
  ])("with acr_values is refused: %s", async (_, acr) => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, acr });
    const found = await problem({ acr_values: "urn:mfa urn:otp" });
    expect(found?.code).toBe("acr_mismatch");
    expect(found?.hint).toContain("Leave acr_values out");
    expect(idp.revoked).toHaveLength(1);
  });

  test.each([
    [{ essential: true, value: "urn:mfa" }, "acr_mismatch"],
    [{ essential: true, values: ["urn:mfa", "urn:otp"] }, "acr_mismatch"],
    [{ essential: true, values: ["urn:mfa", "urn:pwd"] }, undefined],
    [{ values: ["urn:mfa"] }, undefined],
    [{ essential: true }, undefined],
    [null, undefined],
  ])("with acr as a claim counts where it is essential (§5.5.1.1): %j", async (acr, code) => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, acr: "urn:pwd" });
    expect((await problem({ claims: JSON.stringify({ id_token: { acr } }) }))?.code).toBe(code);
  });

  test("with acr_values is taken: one of them", async () => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, acr: "urn:otp" });
    expect(await problem({ acr_values: "urn:mfa urn:otp" })).toBeUndefined();
  });

  test.each(["soon", "-1", "1.5", "", "1e3"])(
    "a max_age of %j can't be checked, and is not let pass",
    async (max_age) => {
      await setUp();
      expect((await problem({ max_age }))?.code).toBe("invalid_configuration");
    },
  );
});

describe("a provider's clock", () => {
  test.each([600, 60, -60, -600])("may be off by %i s", async (ahead) => {
    await setUp();
    idp.ahead = ahead;
    expect(await problem()).toBeUndefined();
  });

  test("that is off does not make an old token new", async () => {
    await setUp();
    idp.idToken = (claims) => ({ ...claims, iat: at(-86_400), exp: at(-86_100) });
    expect((await problem())?.message).toContain("expired");
    expect((await problem())?.hint).toContain("clock");
  });

  test("that is off does not hide that a token is not valid yet", async () => {
    await setUp();
    idp.ahead = 600;
    idp.idToken = (claims) => ({ ...claims, nbf: at(1800) });
    expect((await problem())?.message).toContain("not valid yet");
  });

  test("is told by the iat of a token that this very sign-in asked for, and by no other", async () => {
    await setUp();
    // An old token: 800 s over, and its own time says that it is not.
    idp.idToken = (claims) => ({ ...claims, nonce: "of another sign-in", iat: at(-850), exp: at(-800) });
    expect((await problem())?.message).toMatch(/expired|nonce/);
    idp.idToken = undefined;
    const provider = await discover(idp.issuer, idp.environment);
    const { refresh_token, identity } = await signIn();
    idp.idToken = (claims) => ({ ...claims, iat: at(-850), exp: at(-800) });
    const attempt = refreshTokens(
      provider,
      "notebooks",
      refresh_token as string,
      { scopes: [] },
      idp.environment,
      identity,
    );
    expect((await problemWith(() => attempt)).message).toContain("expired");
  });
});

describe("a refreshed ID token", () => {
  const wrong: [what: string, change: (claims: Claims) => Claims][] = [
    ["another person's", (c) => ({ ...c, sub: "bob-2" })],
    ["another issuer's", (c) => ({ ...c, iss: "https://evil.example.com" })],
    ["for another client", (c) => ({ ...c, aud: "other" })],
    ["without the first one's audiences", (c) => ({ ...c, aud: "notebooks" })],
    ["with another azp", (c) => ({ ...c, azp: "other" })],
    ["without the azp that there was", (c) => ({ ...c, azp: undefined, aud: "notebooks" })],
    ["of another sign-in's time", (c) => ({ ...c, auth_time: (c.auth_time as number) + 60 })],
    ["with another nonce", (c) => ({ ...c, nonce: "other" })],
  ];
  const rich = (claims: Claims) => ({ ...claims, aud: ["notebooks", "api"], azp: "notebooks", auth_time: at(-10) });

  async function refreshed(change: (claims: Claims) => Claims) {
    await setUp();
    const auth_time = at(-10);
    idp.idToken = (claims) => ({ ...rich(claims), auth_time });
    const provider = await discover(idp.issuer, idp.environment);
    const { refresh_token, identity } = await signIn();
    idp.idToken = (claims) => change({ ...rich(claims), auth_time });
    return refreshTokens(provider, "notebooks", refresh_token as string, { scopes: [] }, idp.environment, identity);
  }

  test.each(wrong)("%s is refused, and what came with it revoked (OpenID Connect Core §12.2)", async (_, change) => {
    const attempt = refreshed(change);
    expect((await problemWith(() => attempt)).code).toBe("id_token_invalid");
    expect(idp.refreshTokens.size).toBe(0);
  });

  test.each<[string, (claims: Claims) => Claims]>([
    ["the same again", (c) => c],
    ["without auth_time", ({ auth_time: _, ...c }) => c],
    ["with auth_time as a float", (c) => ({ ...c, auth_time: (c.auth_time as number) + 0.25 })],
    ["for one audience more", (c) => ({ ...c, aud: ["notebooks", "api", "another"] })],
  ])("%s is taken", async (_, change) => {
    await expect(refreshed(change)).resolves.toMatchObject({ claims: { sub: "alice-1" } });
  });

  test("that is empty is none that may be left out", async () => {
    const attempt = refreshed((claims) => claims);
    await attempt;
    idp.answer = (body) => ({ ...body, id_token: "" });
    const provider = await discover(idp.issuer, idp.environment);
    const [token] = idp.refreshTokens.keys();
    const again = refreshTokens(provider, "notebooks", token, { scopes: [] }, idp.environment);
    expect((await problemWith(() => again)).code).toBe("id_token_invalid");
  });
});
