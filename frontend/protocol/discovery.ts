import type { AuthorizationServer, JWKSCacheInput } from "oauth4webapi";
import type { Environment } from "./environment.js";
import { OIDCError } from "./errors.js";
import { hasSubtleCrypto } from "./sha2.js";

const WELL_KNOWN = "/.well-known/openid-configuration";
/** What an ID token may be signed with where discovery does not say it; never a shared secret. */
const PUBLIC_KEY_ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
const DISCOVERY_TIMEOUT = 10_000; // ms

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
    throw new OIDCError(
      {
        code: "invalid_authority",
        message: `The authority ${JSON.stringify(authority)} is not a web address.`,
        hint: "Give the provider's issuer address, such as https://idp.example.com.",
      },
      cause,
    );
  }
  if (!isProtected(url)) {
    throw new OIDCError({
      code: "invalid_authority",
      message: `The authority ${url.href} does not use https, so tokens could be read on the way.`,
      hint: "Use its https address; plain http is for a provider on this machine only.",
    });
  }
  return url;
}

/** OpenID Connect Discovery 1.0 §4, and the provider's keys, so that a later click needs neither. */
export async function discover(authority: string, environment: Environment): Promise<Provider> {
  const issuer = parseAuthority(authority);
  const address = issuer.href.replace(/\/$/, "") + WELL_KNOWN;
  const metadata = await fetchMetadata(issuer, address, environment);
  for (const endpoint of ["authorization_endpoint", "token_endpoint"] as const) {
    if (!isUsable(metadata[endpoint], issuer)) {
      throw new OIDCError({
        code: "discovery_failed",
        message: `The discovery document at ${address} names no usable ${endpoint}.`,
        hint: "Check the authority with the provider's administrator.",
      });
    }
  }
  const { end_session_endpoint } = metadata;
  return {
    metadata: {
      id_token_signing_alg_values_supported: PUBLIC_KEY_ALGORITHMS,
      ...metadata,
      end_session_endpoint: isUsable(end_session_endpoint, issuer) ? end_session_endpoint : undefined,
    },
    keys: await fetchKeys(metadata, environment),
    oidc: true,
  };
}

async function fetchMetadata(issuer: URL, address: string, environment: Environment): Promise<AuthorizationServer> {
  let response: Response;
  try {
    response = await environment.fetch(address, {
      headers: { accept: "application/json" },
      credentials: "omit",
      redirect: "follow",
      signal: AbortSignal.timeout(DISCOVERY_TIMEOUT),
    });
  } catch (cause) {
    if (cause instanceof OIDCError) throw cause; // said by who was to pass the request on
    throw new OIDCError(
      {
        code: "provider_unreachable",
        message: `The browser can't read ${address}: the provider is not reachable from here, or it does not allow requests from this page (CORS).`,
        hint: "Check the address and the network; or let the server's administrator configure this provider.",
      },
      cause,
    );
  }
  let document: unknown;
  try {
    document = response.status === 200 ? await response.json() : undefined;
  } catch {
    document = undefined; // not JSON: said below, together with every other way of being no discovery document
  }
  const announced = (document as { issuer?: unknown } | null | undefined)?.issuer;
  if (typeof announced !== "string") {
    throw new OIDCError({
      code: "discovery_failed",
      message: `There is no discovery document at ${address} (the answer was ${response.status}).`,
      hint: "The authority is the provider's issuer address; some have a path, such as /realms/NAME.",
    });
  }
  // The document's own issuer is what ID tokens must name, letter by letter; of what the person wrote,
  // a slash at the end is forgiven, because it can't lead to another provider.
  if (!URL.canParse(announced) || new URL(announced).href.replace(/\/$/, "") !== issuer.href.replace(/\/$/, "")) {
    throw new OIDCError({
      code: "issuer_mismatch",
      message: `The provider at ${issuer.href} calls itself ${announced}.`,
      hint: "Use the address that it calls itself by as the authority.",
    });
  }
  return document as AuthorizationServer;
}

/**
 * A failure is no error here: keys are fetched again when a signature asks for them, and the error
 * is told then, to somebody who is waiting for it.
 */
async function fetchKeys(metadata: AuthorizationServer, environment: Environment): Promise<JWKSCacheInput> {
  if (!metadata.jwks_uri || !hasSubtleCrypto()) return {};
  try {
    const response = await environment.fetch(metadata.jwks_uri, {
      headers: { accept: "application/json, application/jwk-set+json" },
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(DISCOVERY_TIMEOUT),
    });
    const jwks = response.status === 200 ? await response.json() : undefined;
    return Array.isArray(jwks?.keys) ? { jwks, uat: Math.floor(environment.now()) } : {};
  } catch {
    return {};
  }
}
