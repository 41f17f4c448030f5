import { describe, expect, test } from "vitest";
import { problemWith } from "../testing/problem.js";
import { TestProvider } from "../testing/provider.js";
import { discover, isLoopback, parseAuthority } from "./provider.js";

describe("an authority", () => {
  test.each(["", "idp", "idp.example.com", "//idp.example.com", "https://", "not a web address"])(
    "that is no web address is refused: %j",
    async (authority) => {
      const problem = await problemWith(() => parseAuthority(authority));
      expect(problem.code).toBe("invalid_authority");
      expect(problem.message).toContain(JSON.stringify(authority));
      expect(problem.hint).toContain("https://");
    },
  );

  test.each([
    "http://idp.example.com",
    "http://10.0.0.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "ftp://idp.example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
  ])("without https is refused, because tokens could be read on the way: %s", async (authority) => {
    expect((await problemWith(() => parseAuthority(authority))).code).toBe("invalid_authority");
  });

  test.each(["http://localhost:8080/realm", "http://127.0.0.1:9000", "http://[::1]:1", "http://idp.localhost"])(
    "on this machine may use plain http (RFC 8252 §8.3): %s",
    (authority) => expect(parseAuthority(authority).href).toContain(authority),
  );

  test.each([
    ["  https://idp.example.com \n", "https://idp.example.com/"],
    ["https://idp.example.com/.well-known/openid-configuration", "https://idp.example.com/"],
    ["https://idp.example.com/realms/a/.well-known/openid-configuration", "https://idp.example.com/realms/a"],
  ])("may be pasted with what comes along: %j", (authority, href) => expect(parseAuthority(authority).href).toBe(href));

  test("that only looks like this machine is none", () => {
    for (const name of ["127.0.0.1.nip.io", "1270.0.0.1.example", "mylocalhost", "localhost.evil.example"]) {
      expect(isLoopback(new URL(`http://${name}`)), name).toBe(false);
    }
  });
});

const html = (document: object) => new Response(JSON.stringify(document), { headers: { "content-type": "text/html" } });

describe("discovery", () => {
  test("brings metadata and keys, with one request each, without cookies", async () => {
    const idp = await TestProvider.make();
    const provider = await discover("https://idp.example.com/", idp.environment);
    expect(provider.oidc).toBe(true);
    expect(provider.metadata.token_endpoint).toBe("https://idp.example.com/token");
    expect(provider.keys).toMatchObject({ jwks: { keys: [{ kid: "key-1" }] } });
    expect(idp.calls.map(({ url }) => url)).toEqual([
      "https://idp.example.com/.well-known/openid-configuration",
      "https://idp.example.com/keys",
    ]);
    expect(idp.calls.map(({ init }) => init.credentials)).toEqual(["omit", "omit"]);
  });

  test.each([
    ["https://idp.example.com/realms/a", "https://idp.example.com/realms/a"],
    ["https://idp.example.com/realms/a/", "https://idp.example.com/realms/a"],
    ["https://idp.example.com/tenant", "https://idp.example.com/tenant/"],
    ["https://idp.example.com", "https://idp.example.com/"],
  ])("of %s keeps the issuer's own spelling, %s, for ID tokens", async (authority, issuer) => {
    const idp = await TestProvider.make({ issuer });
    const { metadata } = await discover(authority, idp.environment);
    expect(metadata.issuer).toBe(issuer);
  });

  test("tells when the provider can't be reached, or does not allow this page", async () => {
    const idp = await TestProvider.make();
    const failure = new TypeError("Failed to fetch");
    const fetch = () => Promise.reject(failure);
    const problem = await problemWith(() => discover(idp.issuer, { ...idp.environment, fetch }));
    expect(problem.code).toBe("provider_unreachable");
    expect(problem.message).toContain("https://idp.example.com/.well-known/openid-configuration");
    expect(problem.message).toContain("CORS");
    expect(problem.failure.cause).toBe(failure);
  });

  test.each<[string, () => Response]>([
    ["a missing page", () => new Response("<h1>404</h1>", { status: 404 })],
    ["a server's error", () => Response.json({ issuer: "https://idp.example.com" }, { status: 500 })],
    ["a web page", () => new Response("<!doctype html><title>Welcome</title>")],
    ["nothing", () => new Response("")],
    ["null", () => Response.json(null)],
    ["a text", () => Response.json("issuer")],
    ["a list", () => Response.json([{ issuer: "https://idp.example.com" }])],
    ["no issuer", () => Response.json({ token_endpoint: "https://idp.example.com/token" })],
    ["an issuer of the wrong type", () => Response.json({ issuer: 7 })],
    ["a document that says it is a web page", () => html({ issuer: "https://idp.example.com" })],
    ["an issuer without end", () => Response.json({ issuer: `https://idp.example.com/${"a".repeat(5000)}` })],
  ])("takes %s for no discovery document", async (_, answer) => {
    const idp = await TestProvider.make();
    const fetch = async () => answer();
    const problem = await problemWith(() => discover(idp.issuer, { ...idp.environment, fetch }));
    expect(problem.code).toBe("discovery_failed");
    expect(problem.message).toContain("/.well-known/openid-configuration");
    expect(problem.message).toContain(String(answer().status));
  });

  test.each([
    "https://evil.example.com",
    "https://idp.example.com/other",
    "https://idp.example.com:444",
    "http://idp.example.com",
    "https://IDP.example.com/?a",
    "https://idp.example.com:443",
    "https://idp.example.com/x/..",
    "https://idp.example.com//",
    "https://user@idp.example.com",
    "idp.example.com",
  ])("refuses a provider that calls itself %s", async (issuer) => {
    const idp = await TestProvider.make();
    idp.metadata.issuer = issuer;
    const fetch = async () => Response.json(idp.metadata);
    const problem = await problemWith(() => discover("https://idp.example.com", { ...idp.environment, fetch }));
    expect(problem.code).toBe("issuer_mismatch");
    expect(problem.message).toContain(issuer);
  });

  test.each(["authorization_endpoint", "token_endpoint"])("asks for a usable %s", async (endpoint) => {
    for (const value of [undefined, 5, "", "/relative"]) {
      const idp = await TestProvider.make();
      idp.metadata[endpoint] = value;
      const problem = await problemWith(() => discover(idp.issuer, idp.environment));
      expect(problem.code).toBe("discovery_failed");
      expect(problem.message).toContain(endpoint);
    }
  });

  test.each(["authorization_endpoint", "token_endpoint"])(
    "refuses a %s that leads elsewhere than to the web, or out of https",
    async (endpoint) => {
      for (const value of [
        "javascript:alert(1)",
        "data:text/html,hello",
        "http://idp.example.com/x",
        "http://127.0.0.1:1/x",
      ]) {
        const idp = await TestProvider.make();
        idp.metadata[endpoint] = value;
        const problem = await problemWith(() => discover(idp.issuer, idp.environment));
        expect(problem.code, value).toBe("discovery_failed");
        expect(problem.message).toContain(endpoint);
      }
    },
  );

  test.each(["jwks_uri", "revocation_endpoint", "end_session_endpoint"])(
    "does without a %s that leads out of https, or to this machine's own ports",
    async (endpoint) => {
      for (const value of ["http://127.0.0.1:9/x", "http://idp.example.com/x", "javascript:alert(1)", 7]) {
        const idp = await TestProvider.make();
        idp.metadata[endpoint] = value;
        const { metadata } = await discover(idp.issuer, idp.environment);
        expect(metadata).not.toHaveProperty(endpoint);
        expect(idp.calls.map(({ url }) => url)).not.toContain(value);
      }
    },
  );

  test("does without what only some providers announce", async () => {
    const idp = await TestProvider.make();
    for (const name of ["code_challenge_methods_supported", "response_types_supported", "revocation_endpoint"]) {
      delete idp.metadata[name];
    }
    await expect(discover(idp.issuer, idp.environment)).resolves.toMatchObject({ oidc: true });
  });

  test.each<[string, () => Promise<Response>]>([
    ["can't be had", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["are an error page", async () => new Response("oops", { status: 500 })],
    ["are no JSON", async () => new Response("<html>")],
    ["are no key set", async () => Response.json({ keys: "none" })],
  ])("goes on when the keys %s: they are asked for again when a signature needs them", async (_, keys) => {
    const idp = await TestProvider.make();
    const fetch: typeof globalThis.fetch = (input, init) =>
      String(input) === idp.metadata.jwks_uri ? keys() : idp.fetch(input, init);
    const provider = await discover(idp.issuer, { ...idp.environment, fetch });
    expect(provider.keys).toEqual({});
  });

  test("keeps what a sign-in goes by, and nothing else", async () => {
    const idp = await TestProvider.make();
    Object.assign(idp.metadata, {
      "x-padding": "x".repeat(100_000),
      claims_supported: ["sub"],
      id_token_signing_alg_values_supported: ["ES256", 5, "x".repeat(500), ...Array(1000).fill("RS256")],
    });
    idp.jwks = { keys: [{ ...idp.jwks.keys[0], x5c: ["x".repeat(100_000)] }, ...Array(500).fill({ kty: "RSA" })] };
    const provider = await discover(idp.issuer, idp.environment);
    expect(JSON.stringify(provider).length).toBeLessThan(10_000);
    expect(provider.metadata).not.toHaveProperty("claims_supported");
    expect(provider.metadata.id_token_signing_alg_values_supported).toContain("ES256");
  });

  test.each(["discovery", "keys"])("reads no more than 1 MB of the %s, and asks for no more", async (what) => {
    const idp = await TestProvider.make();
    let chunks = 0;
    const endless = () => {
      const stream = new ReadableStream({
        pull(controller) {
          chunks += 1;
          controller.enqueue(new TextEncoder().encode(`{"a":"${"x".repeat(100_000)}"},`));
        },
      });
      return new Response(stream, { headers: { "content-type": "application/json" } });
    };
    const fetch: typeof globalThis.fetch = async (input, init) =>
      String(input).includes(what === "keys" ? "/keys" : "openid-configuration") ? endless() : idp.fetch(input, init);
    const attempt = discover(idp.issuer, { ...idp.environment, fetch });
    if (what === "keys") expect((await attempt).keys).toEqual({});
    else
      expect(await problemWith(() => attempt)).toMatchObject({
        code: "provider_unreachable",
        message: expect.stringContaining("longer than 1 MB"),
      });
    expect(chunks).toBeLessThan(20);
  });
});
