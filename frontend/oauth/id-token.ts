import * as oauth from "oauth4webapi";
import type { Identity } from "./authentication.js";
import { base64url, type Environment } from "./environment.js";
import { Failure } from "./failure.js";
import type { Decoded } from "./jwt.js";
import { knownKeys, type Provider, PUBLIC_KEY_ALGORITHMS } from "./provider.js";
import { isJson, send } from "./send.js";
import { hasSubtleCrypto, sha2 } from "./sha2.js";

/** How far a clock may be off, in seconds, before a new token counts as old or as not yet made. */
const LARGEST_SKEW = 900;
/** The longest ID token that is taken, in characters: the kernel's side takes no longer one either. */
const LONGEST = 65_536;
/** How deep its claims may be nested: they go on to pages and kernels, whose JSON has no room for thousands of levels. */
const DEEPEST = 32;

function isDeep(claims: object): boolean {
  let level: unknown[] = [claims];
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
  return level.length > 0;
}

/**
 * Seconds that the provider's clock is ahead of ours. Only the nonce of a sign-in begun here proves that a token was
 * made just now, so only then may its `iat` tell the provider's time; beyond the limit it is taken for an old one.
 */
export function clockSkew(token: Decoded | undefined, nonce: string, environment: Environment): number {
  if (token?.claims?.nonce !== nonce) return 0;
  const skew = Math.round(Number(token.claims.iat) - environment.now());
  return Math.abs(skew) <= LARGEST_SKEW ? skew : 0;
}

/** OpenID Connect Core §3.1.3.7, point 8, demands a client secret for an HMAC, and a page has none. */
export function checkAlgorithm(token: Decoded | undefined): void {
  const alg = token?.header?.alg;
  if (typeof alg !== "string" || PUBLIC_KEY_ALGORITHMS.includes(alg)) return;
  throw new Failure("id_token_invalid", { alg });
}

/** OpenID Connect Core §12.2: a refreshed ID token is of the same person and the same sign-in, for the same client. */
export function checkSameSignIn(claims: oauth.IDToken, { claims: before, nonce }: Identity): void {
  const list = (aud: string | string[]) => [aud].flat();
  if (claims.sub !== before.sub) throw invalidIdToken("sub");
  if (!list(before.aud).every((one) => list(claims.aud).includes(one))) throw invalidIdToken("aud");
  // One that names this client itself, where several audiences make it say so, is no other.
  if (claims.azp !== before.azp && (before.azp !== undefined || !list(before.aud).includes(String(claims.azp)))) {
    throw invalidIdToken("azp");
  }
  const { auth_time } = claims;
  if (auth_time !== undefined && before.auth_time !== undefined && Math.abs(auth_time - before.auth_time) > 1) {
    throw invalidIdToken("auth_time");
  }
  if (claims.nonce !== undefined && claims.nonce !== nonce) throw invalidIdToken("nonce");
}

/** What the library's claims checks (OpenID Connect Core §3.1.3.7) leave open: size, `sub`, signature, `at_hash`. */
export async function validateSignature(
  provider: Provider,
  response: Response,
  idToken: Decoded | undefined,
  accessToken: string,
  environment: Environment,
): Promise<void> {
  if (!idToken?.claims.sub || idToken.length > LONGEST || isDeep(idToken.claims)) throw invalidIdToken();
  if (hasSubtleCrypto()) {
    try {
      await verify(provider, response, environment);
    } catch (known) {
      if (known instanceof Failure) throw known; // no keys to be had
      try {
        // A key that the provider has only just made, or one that took another's name: once, past every cache.
        const fresh = { ...provider, metadata: { ...provider.metadata }, keys: {} };
        await verify(fresh, response, environment, "no-store");
        Object.assign(provider, fresh);
      } catch (cause) {
        throw cause instanceof Failure ? cause : invalidIdToken("signature", cause);
      }
    }
  } // Where the page is no secure context, the token endpoint's TLS vouches for it (Core §3.1.3.7, point 6).
  const { header, claims } = idToken;
  const { at_hash } = claims;
  if (at_hash !== undefined && at_hash !== (await accessTokenHash(header.alg, accessToken))) {
    throw invalidIdToken("at_hash");
  }
}

function verify(
  { metadata, keys }: Provider,
  response: Response,
  environment: Environment,
  cache?: RequestCache,
): Promise<void> {
  return oauth.validateApplicationLevelSignature(metadata, response, {
    [oauth.customFetch]: async (address: string) => {
      const keySet = await send(environment, address, cache && { cache });
      if (!keySet.ok || !isJson(keySet)) throw new Failure("provider_unreachable", { address });
      const { keys } = (await keySet.json()) ?? {};
      return Response.json({ keys: Array.isArray(keys) ? knownKeys(keys).keys : keys });
    },
    [oauth.allowInsecureRequests]: true, // what may be called without TLS, discovery has decided
    [oauth.jwksCache]: keys,
  });
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
