/** Whatever comes over a port, in an address or from a provider is taken for what it is, or refused; nothing else happens. */
import fc from "fast-check";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { authorizationRequest } from "../oauth/authorization-request.js";
import { processAuthorizationResponse } from "../oauth/authorization-response.js";
import { decodedPath, issuerTail, samePath } from "../oauth/callback-address.js";
import { Failure } from "../oauth/failure.js";
import { discover, type Provider } from "../oauth/provider.js";
import { exchangeCode } from "../oauth/token-endpoint.js";
import { settled } from "../testing/clock.js";
import { wanted } from "../testing/page.js";
import { loginRequest, TestProvider } from "../testing/provider.js";
import { vaultAndProvider } from "../testing/vault.js";
import { checked } from "./guards.js";
import { problemOf } from "./problem.js";

const ONE = "link-1";
const TYPES = (
  "hello server bye wake link unlink begin cancel window_closed accept sign_out log_out refresh tell_kernel result " +
  "settings list_sessions token deliver constructor"
).split(" ");
const MEMBERS = (
  "type page_id role headers link_id wanted options kernel_id account prepared_id problem id resource scopes event " +
  "payload delivery result place signed_out settings __proto__"
).split(" ");

const value = fc.oneof(
  fc.anything({ maxDepth: 2 }),
  fc.constantFrom<unknown>(ONE, "widget", "sidebar", "delivery", "delivered", "token", {}, wanted()),
);
const message = fc
  .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.constantFrom(...MEMBERS), value))
  .map(([type, members]) => ({ link_id: ONE, ...members, type }));

let idp: TestProvider;
let provider: Provider;

beforeAll(async () => {
  idp = await TestProvider.make();
  provider = await discover(idp.issuer, idp.environment);
  await problemOf(new Error());
});

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

/** Of an attempt: its result, or how it failed; anything but a failure of ours is a fault. */
async function attempt<Result>(what: () => Result | Promise<Result>): Promise<Result | Failure> {
  try {
    return await what();
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    const { message: said, code } = await problemOf(failure);
    expect(code).toMatch(/^[a-z_]+$/);
    expect(said.length).toBeLessThan(3000);
    return failure;
  }
}

test("a message is taken with what belongs to it, or not at all", () => {
  fc.assert(
    fc.property(fc.oneof(message, fc.anything()), (data) => {
      const taken = checked(data);
      if (taken) expect(checked(taken)).toEqual(taken);
    }),
    { numRuns: 1000 },
  );
});

test("no sequence of messages of a stranger reaches another's token, or ends the session", async () => {
  const setup = await vaultAndProvider();
  const tab = setup.page();
  tab.link(ONE);
  await tab.signIn(ONE);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<"widget" | "sidebar" | "delivery">("widget", "sidebar", "delivery"),
      fc.array(fc.oneof(message, fc.anything({ withBigInt: true })), { maxLength: 12 }),
      async (role, messages) => {
        const before = tab.all("deliver").length;
        const stranger = setup.page(role);
        for (const data of messages) {
          // What it asks for by a request of its own, it may have: links here are those that it did not make.
          if ((data as { type?: unknown } | null)?.type !== "link") stranger.send(cloneable(data));
        }
        stranger.say({ type: "bye" });
        await settled();
        const heard = JSON.stringify(stranger.received.filter(({ type }) => type !== "deliver"));
        expect(heard).not.toMatch(/access-|refresh-|code_verifier/);
        if (role !== "delivery") expect(stranger.all("deliver")).toEqual([]);
        expect(tab.state(ONE)).toMatchObject({ status: "signed_in", account: "Alice Adams" });
        expect(tab.all("deliver").length).toBe(before);
      },
    ),
    { numRuns: 60 },
  );
  expect(setup.idp.revoked).toEqual([]);
});

/** What a port can carry. */
function cloneable(data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch {
    return undefined;
  }
}

test("an address that one lands on is this sign-in's with a code, or refused", async () => {
  const sent = await authorizationRequest(provider, loginRequest(), idp.environment);
  const names = fc.constantFrom("code", "state", "iss", "error", "error_description", "response", "id_token", "x");
  const values = fc.oneof(fc.string(), fc.constantFrom(sent.state, idp.issuer, "access_denied"));
  const query = fc.oneof(
    fc.string(),
    fc.array(fc.tuple(names, values), { maxLength: 6 }).map((pairs) => `${new URLSearchParams(pairs)}`),
    fc
      .dictionary(names, values)
      .map((pairs) => `${new URLSearchParams({ code: "c", ...pairs, state: sent.state, iss: idp.issuer })}`),
  );
  await fc.assert(
    fc.asyncProperty(query, async (answer) => {
      const taken = await attempt(() => processAuthorizationResponse(provider, "notebooks", sent, answer));
      if (taken instanceof Failure) return;
      expect(taken.get("state")).toBe(sent.state);
      expect(taken.get("iss")).toBe(idp.issuer);
      expect(taken.get("code")).toBeTruthy();
      expect([...taken].some(([name, said]) => said && /^(error|response|id_token)$/.test(name))).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("an issuer has a callback of its own, whatever it is called", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), fc.webUrl()), async (issuer) => {
      expect(await issuerTail(issuer)).toMatch(/^[a-z0-9._-]*\.[0-9a-f]{16}$/);
      expect(samePath(issuer, issuer)).toBe(true);
      expect(typeof decodedPath(issuer)).toBe("string");
    }),
    { numRuns: 300 },
  );
});

test("metadata is a provider's, with addresses that may be called, or refused", async () => {
  const address = fc.oneof(value, fc.webUrl(), fc.constantFrom("javascript:alert(1)", "http://127.0.0.1:1/", "https:"));
  const document = fc.record(
    {
      issuer: fc.oneof({ weight: 5, arbitrary: fc.constant(idp.issuer) }, { weight: 1, arbitrary: value }),
      authorization_endpoint: address,
      token_endpoint: address,
      jwks_uri: address,
      revocation_endpoint: address,
      end_session_endpoint: address,
      id_token_signing_alg_values_supported: value,
      prompt_values_supported: value,
      authorization_response_iss_parameter_supported: value,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(document, value, async (sent, keys) => {
      const answer = (body: unknown) => new Response(textOf(body), { headers: { "content-type": "application/json" } });
      const fetch = async (url: unknown) => answer(String(url).endsWith("configuration") ? sent : { keys });
      const found = await attempt(() => discover(idp.issuer, { ...idp.environment, fetch }));
      if (found instanceof Failure) return;
      expect(found.metadata.issuer).toBe(idp.issuer);
      const called = Object.entries(found.metadata).filter(([name, at]) => /endpoint|_uri/.test(name) && at);
      for (const [, at] of called) expect(at).toMatch(/^https:/i);
    }),
    { numRuns: 300 },
  );
});

/** As JSON, as far as it is any. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body, (_, item) => (typeof item === "bigint" ? Number(item) : item)) ?? "";
  } catch {
    return "";
  }
}

test("a token response is one, or refused; its tokens are revoked then", async () => {
  const request = loginRequest();
  const body = fc.record(
    {
      access_token: value,
      token_type: fc.oneof(value, fc.constantFrom("bearer", "Bearer", "DPoP")),
      expires_in: fc.oneof(value, fc.double(), fc.constantFrom("300", "NaN", -1)),
      refresh_token: value,
      scope: value,
      id_token: fc.oneof(value, fc.string()),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(body, async (changes) => {
      const own = await TestProvider.make();
      own.answer = (whole) =>
        new Response(textOf({ ...whole, ...changes }), { headers: { "content-type": "application/json" } });
      const sent = await authorizationRequest(provider, request, own.environment);
      const answer = own.authorize(sent.url);
      own.key = idp.key;
      const tokens = await attempt(() => exchangeCode(provider, request, sent, answer.slice(1), own.environment));
      if (tokens instanceof Failure) return;
      expect(tokens.access_token).toMatch(/^[ -~]+$/);
      expect(tokens.expires_in === undefined || tokens.expires_in > 0).toBe(true);
      expect(tokens.refresh_token === undefined || typeof tokens.refresh_token === "string").toBe(true);
      expect(tokens.claims?.sub).toBe("alice-1");
    }),
    { numRuns: 200 },
  );
});
