import type { AuthorizationServer, JWKSCacheInput } from "oauth4webapi";
import type { Environment } from "./environment.js";
import { Failure } from "./failure.js";
import { send } from "./send.js";
import { hasSubtleCrypto } from "./sha2.js";

const WELL_KNOWN = "/.well-known/openid-configuration";
/** What an ID token may be signed with where discovery does not say it; never a shared secret. */
const PUBLIC_KEY_ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
/** What may be called; a provider may be without the last three. */
const ENDPOINTS = [
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
  "revocation_endpoint",
  "end_session_endpoint",
] as const;

/** A provider as the rest of the protocol needs it: its metadata and its keys. */
export interface Provider {
  metadata: AuthorizationServer;
  keys: JWKSCacheInput;
  /** OAuth 2 alone: no ID token is to be expected (a configured provider such as GitHub). */
  oidc: boolean;
}

/** RFC 8252 §8.3: plain http is for the machine itself; everybody else can listen in. */
export function isLoopback(url: URL): boolean {
  return (
    url.hostname === "localhost" ||
    url.hostname.endsWith(".localhost") ||
    url.hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(url.hostname)
  );
}

function isProtected(url: URL): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}

/**
 * Some endpoints are opened in a window: an address like `javascript:…` would run there in Jupyter's name. And a provider
 * elsewhere has no business with this machine's own ports.
 */
function isUsable(endpoint: unknown, issuer: URL): boolean {
  if (typeof endpoint !== "string" || !URL.canParse(endpoint)) return false;
  const url = new URL(endpoint);
  return issuer.protocol === "https:" ? url.protocol === "https:" : isProtected(url);
}

export function parseAuthority(authority: string): URL {
  let url: URL;
  try {
    url = new URL(authority.trim().replace(new RegExp(`${WELL_KNOWN}$`), ""));
  } catch (cause) {
    throw new Failure("invalid_authority", { authority }, cause);
  }
  if (!isProtected(url)) throw new Failure("invalid_authority", { authority, url });
  return url;
}

/** OpenID Connect Discovery 1.0 §4, and the provider's keys, so that a later click needs neither. */
export async function discover(authority: string, environment: Environment): Promise<Provider> {
  const issuer = parseAuthority(authority);
  const address = bare(issuer) + WELL_KNOWN;
  const metadata: AuthorizationServer = {
    id_token_signing_alg_values_supported: PUBLIC_KEY_ALGORITHMS,
    ...(await fetchMetadata(issuer, address, environment)),
  };
  for (const endpoint of ENDPOINTS) {
    if (isUsable(metadata[endpoint], issuer)) continue;
    if (/^(auth|token)/.test(endpoint)) throw new Failure("discovery_failed", { address, endpoint });
    delete metadata[endpoint];
  }
  return { metadata, keys: await fetchKeys(metadata, environment), oidc: true };
}

async function fetchMetadata(issuer: URL, address: string, environment: Environment): Promise<AuthorizationServer> {
  const response = await send(environment, address, { redirect: "follow" });
  const { status } = response;
  // Not JSON, or null: told together with every other way of being no discovery document.
  const metadata = (status === 200 && (await response.json().catch(() => undefined))) || {};
  const announced: unknown = metadata.issuer;
  if (typeof announced !== "string") throw new Failure("discovery_failed", { address, status });
  // The document's own issuer is what ID tokens must name, letter by letter; of what the person wrote,
  // a slash at the end is forgiven, because it can't lead to another provider.
  if (!URL.canParse(announced) || bare(new URL(announced)) !== bare(issuer)) {
    throw new Failure("issuer_mismatch", { issuer, announced });
  }
  return metadata;
}

/**
 * A failure is no error here: keys are fetched again when a signature asks for them, and the error
 * is told then, to somebody who is waiting for it.
 */
async function fetchKeys({ jwks_uri }: AuthorizationServer, environment: Environment): Promise<JWKSCacheInput> {
  if (!jwks_uri || !hasSubtleCrypto()) return {};
  try {
    const jwks = await (await send(environment, jwks_uri)).json();
    return Array.isArray(jwks.keys) ? { jwks, uat: Math.floor(environment.now()) } : {};
  } catch {
    return {};
  }
}

/** Without the slash at its end. */
function bare({ href }: URL): string {
  return href.replace(/\/$/, "");
}
