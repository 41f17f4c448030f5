import * as oauth from "oauth4webapi";
import type { Provider } from "./discovery.js";
import { base64url, type Environment } from "./environment.js";
import { OIDCError } from "./errors.js";
import { requestOptions } from "./request-options.js";
import { hasSubtleCrypto, sha2 } from "./sha2.js";

/** How far a provider's clock may be off, in seconds, before its tokens count as old or as not yet made. */
const LARGEST_SKEW = 900;

export type IdTokenResponse = oauth.TokenEndpointResponse & { id_token: string };

/** A part of a JWS as JSON; nothing is verified by this. */
function decoded(token: string, part: 0 | 1): Record<string, unknown> {
  const text = token.split(".")[part]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
}

/**
 * Seconds that the provider's clock is ahead of ours. An ID token that comes straight from the token endpoint was
 * made just now, so its `iat` tells the provider's time; beyond the limit it is taken for an old token instead.
 */
export function clockSkew(idToken: unknown, environment: Environment): number {
  try {
    const skew = Number(decoded(String(idToken), 1).iat) - environment.now();
    return Math.abs(skew) <= LARGEST_SKEW ? Math.round(skew) : 0;
  } catch {
    return 0; // no token, or none that can be read: its validation says so
  }
}

/** What the library's claims checks (OpenID Connect Core §3.1.3.7) leave open: signature and `at_hash`. */
export async function validateIdToken(
  provider: Provider,
  response: Response,
  body: IdTokenResponse,
  environment: Environment,
): Promise<void> {
  const { metadata, keys } = provider;
  if (hasSubtleCrypto()) {
    try {
      await oauth.validateApplicationLevelSignature(metadata, response, {
        ...requestOptions(environment, metadata.jwks_uri),
        [oauth.jwksCache]: keys,
      });
    } catch (cause) {
      throw invalidIdToken(cause, "signature");
    }
  } // Where the page is no secure context, the token endpoint's TLS vouches for it (Core §3.1.3.7, point 6).
  await checkAccessTokenHash(body);
}

/** OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the signature's algorithm. */
async function checkAccessTokenHash({ id_token, access_token }: IdTokenResponse): Promise<void> {
  const { at_hash } = decoded(id_token, 1);
  if (at_hash === undefined) return;
  const { alg } = decoded(id_token, 0);
  const bits = /(256|384|512)$/.exec(String(alg))?.[1] ?? "512"; // EdDSA (Ed25519) hashes with SHA-512
  const hash = await sha2(bits as "256" | "384" | "512", access_token);
  if (base64url(hash.slice(0, hash.length / 2)) !== at_hash) throw invalidIdToken(undefined, "at_hash");
}

export function invalidIdToken(cause: unknown, what?: string): OIDCError {
  const claim = what ?? (cause as { cause?: { claim?: string } })?.cause?.claim;
  const reasons: Record<string, string> = {
    iss: "it names another issuer",
    aud: "it is meant for another client",
    azp: "it is meant for another client",
    nonce: "it belongs to another sign-in (nonce)",
    exp: "it has expired",
    nbf: "it is not valid yet",
    signature: "its signature does not fit the provider's keys",
    at_hash: "it belongs to another access token (at_hash)",
  };
  const reason = (claim && reasons[claim]) || "it is missing or malformed";
  return new OIDCError(
    {
      code: "id_token_invalid",
      message: `The provider's ID token was not accepted: ${reason}.`,
      hint:
        claim === "exp" || claim === "nbf"
          ? "Check this computer's clock, then try again."
          : "Try again; if it happens again, tell the provider's administrator.",
    },
    cause,
  );
}
