import { createHash } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { issuerTail, ownAddress } from "./callback-address.js";

/** Held in tests/oauth/test_callback_address.py too; `printf %s ISSUER | sha256sum` gives the last part. */
const VECTORS = [
  ["https://idp.example.com", "idp.example.com.6e2977ae82314db3"],
  ["https://IDP.example.com:8443/realms/a", "idp.example.com.43af2a7afba6d97c"],
  ["http://127.0.0.1:54071", "127.0.0.1.f96d50159bb140c5"],
  ["http://[::1]:9000", "___1_.819e6e9eb1f604bf"],
] as const;

describe.each(["with crypto.subtle", "without (plain http in an intranet)"])("%s", (where) => {
  test.each(VECTORS)("%s has an address that names its host and tells issuers apart", async (issuer, tail) => {
    if (where.startsWith("without")) vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues });
    expect(await issuerTail(issuer)).toBe(tail);
    expect(tail.endsWith(createHash("sha256").update(issuer).digest("hex").slice(0, 16))).toBe(true);
    expect(await ownAddress("https://hub.example.com/oidc-widget/callback/", issuer)).toBe(
      `https://hub.example.com/oidc-widget/callback/${tail}`,
    );
  });
});

test("a row of slashes, as an administrator may write it, is gone through once", async () => {
  const callback = `https://hub.example.com/${"/".repeat(200_000)}x`;
  const started = performance.now();
  expect(await ownAddress(`${callback}//`, VECTORS[0][0])).toBe(`${callback}/${VECTORS[0][1]}`);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("issuers of one host are told apart by every letter", async () => {
  const tails = ["", "/", "/a", "/A", ":443", "/realms/ä"].map((rest) => issuerTail(`https://idp.example.com${rest}`));
  expect(new Set(await Promise.all(tails)).size).toBe(tails.length);
});
