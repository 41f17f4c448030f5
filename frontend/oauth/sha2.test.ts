import { createHash } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { ALICE, loginRequest, TestProvider } from "../testing/provider.js";
import { authorizationRequest } from "./authorization-request.js";
import { discover } from "./provider.js";
import { sha2 } from "./sha2.js";
import { exchangeCode } from "./token-endpoint.js";

/** A page that is no secure context has `crypto.getRandomValues` and no more. */
function withoutSubtleCrypto(): void {
  const { getRandomValues } = crypto;
  vi.stubGlobal("crypto", { getRandomValues: getRandomValues.bind(crypto) });
}

describe.each([
  ["with crypto.subtle", () => undefined],
  ["without it, as on plain http in an intranet", withoutSubtleCrypto],
])("SHA-2 %s", (_, prepare) => {
  test.each(["256", "384", "512"] as const)("%s gives what everybody's does", async (bits) => {
    prepare();
    for (const text of ["", "abc", "ünïcödé 🔑", "x".repeat(10_000)]) {
      const expected = createHash(`sha${bits}`).update(text).digest("hex");
      expect(Buffer.from(await sha2(bits, text)).toString("hex")).toBe(expected);
    }
  });
});

describe("a sign-in without crypto.subtle", () => {
  test("works, with PKCE S256 and every claim checked; the keys are not even asked for", async () => {
    const idp = await TestProvider.make();
    const { subtle } = crypto;
    idp.idToken = async (claims, token) => {
      vi.unstubAllGlobals(); // the provider's own machine has it
      const digest = new Uint8Array(await subtle.digest("SHA-256", Buffer.from(token)));
      return { ...claims, at_hash: Buffer.from(digest.slice(0, 16)).toString("base64url") };
    };
    idp.answer = (body) => {
      withoutSubtleCrypto();
      return body;
    };
    withoutSubtleCrypto();
    const provider = await discover(idp.issuer, idp.environment);
    expect(idp.calls.map(({ url }) => url)).not.toContain(idp.metadata.jwks_uri);
    const request = loginRequest();
    const sent = await authorizationRequest(provider, request, idp.environment);
    const search = idp.authorize(sent.url, ALICE);
    const token: typeof fetch = (input, init) => {
      vi.unstubAllGlobals();
      return idp.fetch(input, init);
    };
    const tokens = await exchangeCode(provider, request, sent, search, { ...idp.environment, fetch: token });
    expect(tokens.claims?.sub).toBe("alice-1");
    expect(crypto.subtle).toBeUndefined();

    const again = await authorizationRequest(provider, request, idp.environment);
    idp.idToken = (claims) => ({ ...claims, nonce: "other" });
    const answer = idp.authorize(again.url, ALICE);
    await expect(
      exchangeCode(provider, request, again, answer, { ...idp.environment, fetch: token }),
    ).rejects.toMatchObject({ code: "id_token_invalid" });
  });
});
