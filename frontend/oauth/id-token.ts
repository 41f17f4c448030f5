import * as oauth from "oauth4webapi";
import { base64url, type Environment } from "./environment.js";
import { Failure, isFailure } from "./failure.js";
import type { Provider } from "./provider.js";
import { send } from "./send.js";
import { hasSubtleCrypto, sha2 } from "./sha2.js";

/** How far a provider's clock may be off, in seconds, before its tokens count as old or as not yet made. */
const LARGEST_SKEW = 900;

/** The header and the claims of an ID token; nothing is verified by this. */
export type Decoded = Record<"header" | "claims", Record<string, unknown>>;

/** `undefined`: there is none, or none that can be read. */
export function decoded(idToken: unknown): Decoded | undefined {
  try {
    const [header, claims] = String(idToken)
      .split(".", 2)
      .map((part) => {
        const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
        return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
      });
    return { header, claims };
  } catch {
    return undefined;
  }
}

/**
 * Seconds that the provider's clock is ahead of ours. An ID token that comes straight from the token endpoint was
 * made just now, so its `iat` tells the provider's time; beyond the limit it is taken for an old token instead.
 */
export function clockSkew(token: Decoded | undefined, environment: Environment): number {
  const skew = Math.round(Number(token?.claims?.iat) - environment.now());
  return Math.abs(skew) <= LARGEST_SKEW ? skew : 0;
}

/** What the library's claims checks (OpenID Connect Core §3.1.3.7) leave open: `nonce`, signature and `at_hash`. */
export async function validateIdToken(
  { metadata, keys }: Provider,
  response: Response,
  { header, claims }: Decoded,
  accessToken: string,
  environment: Environment,
  nonce?: string,
): Promise<void> {
  if (nonce !== undefined && claims.nonce !== nonce) throw invalidIdToken("nonce");
  if (hasSubtleCrypto()) {
    try {
      await oauth.validateApplicationLevelSignature(metadata, response, {
        [oauth.customFetch]: async (address: string) => {
          const keySet = await send(environment, address);
          if (!keySet.ok) throw new Failure("provider_unreachable", { address });
          return keySet;
        },
        [oauth.allowInsecureRequests]: true, // what may be called without TLS, discovery has decided
        [oauth.jwksCache]: keys,
      });
    } catch (cause) {
      throw isFailure(cause) ? cause : invalidIdToken("signature", cause);
    }
  } // Where the page is no secure context, the token endpoint's TLS vouches for it (Core §3.1.3.7, point 6).
  const { at_hash } = claims;
  if (at_hash !== undefined && at_hash !== (await accessTokenHash(header.alg, accessToken))) {
    throw invalidIdToken("at_hash");
  }
}

/** OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the signature's algorithm. */
async function accessTokenHash(alg: unknown, accessToken: string): Promise<string> {
  const bits = /(256|384|512)$/.exec(String(alg))?.[1] ?? "512"; // EdDSA (Ed25519) hashes with SHA-512
  const hash = await sha2(bits as "256" | "384" | "512", accessToken);
  return base64url(hash.slice(0, hash.length / 2));
}

/** @param claim what is wrong */
export function invalidIdToken(claim?: string, cause?: unknown): Failure {
  return new Failure("id_token_invalid", { claim }, cause);
}
