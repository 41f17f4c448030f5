import type { AuthorizationServer, JWKSCacheInput } from "oauth4webapi";
import { discoveryUrl, issuerOf, sameIssuer } from "./authority.js";
import type { Environment } from "./environment.js";
import { Failure } from "./failure.js";
import { isJson, send } from "./send.js";
import { hasSubtleCrypto } from "./sha2.js";

/** What an ID token may be signed with where discovery does not say it; never a shared secret. */
export const PUBLIC_KEY_ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
/** What may be called; a provider may be without the last three. */
const ENDPOINTS = [
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
  "revocation_endpoint",
  "end_session_endpoint",
] as const;
/** Of what else a provider publishes, this is used; the rest is not kept. */
const LISTS = ["id_token_signing_alg_values_supported", "prompt_values_supported"] as const;
/** Of a key: what verifies a signature (RFC 7517 §4, RFC 7518 §6), and no certificates. */
const KEY_MEMBERS = "kty kid use key_ops alg crv x y n e".split(" ");
/** The longest address that is taken, in characters, and the most of any list. */
const LONGEST_ADDRESS = 2000;
const MOST = 100;
const FLAGS = ["authorization_response_iss_parameter_supported"] as const;

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
  if (typeof endpoint !== "string" || endpoint.length > LONGEST_ADDRESS || !URL.canParse(endpoint)) return false;
  const url = new URL(endpoint);
  if (url.username || url.password) return false; // mostly there to be mistaken for the host
  return issuer.protocol === "https:" ? url.protocol === "https:" : isProtected(url);
}

export function parseAuthority(authority: string): URL {
  let url: URL;
  try {
    url = new URL(issuerOf(authority));
  } catch (cause) {
    throw new Failure("invalid_authority", { authority }, cause);
  }
  if (!isProtected(url)) throw new Failure("invalid_authority", { authority, url });
  return url;
}

/** OpenID Connect Discovery 1.0 §4, and the provider's keys, so that a later click needs neither. */
export async function discover(authority: string, environment: Environment): Promise<Provider> {
  const url = parseAuthority(authority);
  const address = discoveryUrl(url.href);
  const metadata = known(await fetchMetadata(authority, address, environment));
  for (const endpoint of ENDPOINTS) {
    if (isUsable(metadata[endpoint], url)) continue;
    if (/^(auth|token)/.test(endpoint)) throw new Failure("discovery_failed", { address, endpoint });
    delete (metadata as Record<string, unknown>)[endpoint];
  }
  return { metadata, keys: await fetchKeys(metadata, environment), oidc: true };
}

async function fetchMetadata(
  authority: string,
  address: string,
  environment: Environment,
): Promise<AuthorizationServer> {
  const response = await send(environment, address, { redirect: "follow" });
  const { status } = response;
  const metadata = response.ok && isJson(response) ? await response.json().catch(() => undefined) : undefined;
  const announced: unknown = metadata?.issuer;
  if (typeof announced !== "string" || announced.length > LONGEST_ADDRESS)
    throw new Failure("discovery_failed", { address, status });
  if (!sameIssuer(announced, issuerOf(authority))) throw new Failure("issuer_mismatch", { authority, announced });
  return metadata;
}

/** A provider may publish what it likes, and as much as it likes; only what a sign-in goes by is kept. */
function known(document: AuthorizationServer): AuthorizationServer {
  const texts = (list: unknown[]) =>
    list.slice(0, MOST).filter((item) => typeof item === "string" && item.length < 100);
  const lists = LISTS.flatMap((name) => {
    const list = document[name];
    return Array.isArray(list) ? [[name, texts(list)]] : [];
  });
  return {
    issuer: document.issuer,
    id_token_signing_alg_values_supported: PUBLIC_KEY_ALGORITHMS,
    ...Object.fromEntries(ENDPOINTS.map((name) => [name, document[name]])),
    ...Object.fromEntries(FLAGS.map((name) => [name, document[name] === true])),
    ...Object.fromEntries(lists),
  };
}

/**
 * A failure is no error here: keys are fetched again when a signature asks for them, and the error
 * is told then, to somebody who is waiting for it.
 */
async function fetchKeys({ jwks_uri }: AuthorizationServer, environment: Environment): Promise<JWKSCacheInput> {
  if (!jwks_uri || !hasSubtleCrypto()) return {};
  try {
    const response = await send(environment, jwks_uri);
    const jwks = response.ok && isJson(response) ? await response.json() : {};
    return Array.isArray(jwks.keys) ? { jwks: knownKeys(jwks.keys), uat: Math.floor(environment.now()) } : {};
  } catch {
    return {};
  }
}

export function knownKeys(keys: unknown[]): { keys: Record<string, unknown>[] } {
  const members = (key: object) => Object.entries(key).filter(([name]) => KEY_MEMBERS.includes(name));
  const objects = keys.filter((key): key is object => typeof key === "object" && key !== null);
  return { keys: objects.slice(0, MOST).map((key) => Object.fromEntries(members(key))) };
}
