import { beforeAll, describe, expect, test, vi } from "vitest";
import { problemWith } from "../testing/problem.js";
import { ALICE, loginRequest, TestProvider } from "../testing/provider.js";
import { encode, forgedWithPublicKey, SigningKey } from "../testing/signing-key.js";
import { authorizationRequest } from "./authorization-request.js";
import { discover } from "./provider.js";
import { exchangeCode } from "./token-endpoint.js";

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

async function signIn() {
  const provider = await discover(idp.issuer, idp.environment);
  const request = loginRequest();
  const sent = await authorizationRequest(provider, request, idp.environment);
  return exchangeCode(provider, request, sent, idp.authorize(sent.url, ALICE), idp.environment);
}

/** The problem of a sign-in; `undefined` if it went well. */
async function problem() {
  let done = false;
  const attempt = async () => {
    await signIn();
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
      expect((await problem())?.code, String(announced)).toBe("id_token_invalid");
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

  test("after the provider has changed its keys", async () => {
    const now = vi.spyOn(Date, "now");
    await setUp();
    const provider = await discover(idp.issuer, idp.environment);
    idp.useKey(await SigningKey.make("ES256", "key-2"));
    now.mockReturnValue(Date.now() + 61_000); // asked for again a minute later at the earliest
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, idp.environment);
    const tokens = await exchangeCode(provider, request, sent, idp.authorize(sent.url, ALICE), idp.environment);
    expect(tokens.claims?.sub).toBe("alice-1");
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
});
