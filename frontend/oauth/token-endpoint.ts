import * as oauth from "oauth4webapi";
import type { AuthorizationRequest } from "./authorization-request.js";
import { processAuthorizationResponse } from "./authorization-response.js";
import type { Environment } from "./environment.js";
import { Failure, isUnreachable } from "./failure.js";
import { clockSkew, type Decoded, decoded, invalidIdToken, validateIdToken } from "./id-token.js";
import type { Provider } from "./provider.js";
import { type LoginRequest, type Target, targetParameters } from "./request.js";
import { send } from "./send.js";

/** What a token endpoint gave, checked. Lifetimes are seconds from the moment of the request. */
export interface Tokens {
  access_token: string;
  /** `undefined`: the provider does not say (RFC 6749 §5.1 only recommends it). */
  expires_in?: number;
  refresh_token?: string;
  /** What was granted, where the provider says so (RFC 6749 §5.1). */
  scope?: string;
  id_token?: string;
  claims?: oauth.IDToken;
  /** Who signed in, from a relay to a provider of OAuth 2 alone, which has no ID token. */
  userinfo?: Record<string, unknown>;
}

type TokenResponse = oauth.TokenEndpointResponse & Pick<Tokens, "userinfo">;
type Body = Partial<Record<keyof TokenResponse, unknown>>;

/**
 * RFC 6749 §4.1.3 and OpenID Connect Core §3.1.3, with PKCE (RFC 7636 §4.5).
 *
 * @param search what the provider has sent the person back with
 * @throws {Failure} whatever is wrong with that, with the token response or with the ID token
 */
export async function exchangeCode(
  provider: Provider,
  request: LoginRequest,
  sent: AuthorizationRequest,
  search: string,
  environment: Environment,
): Promise<Tokens> {
  const { client_id, redirect_uri } = request;
  const code = processAuthorizationResponse(provider, client_id, sent, search);
  const parameters = { ...targetParameters(request), code, redirect_uri, code_verifier: sent.verifier };
  return ask(provider, client_id, "authorization_code", parameters, environment, sent.nonce);
}

/**
 * RFC 6749 §6; another `resource` (RFC 8707 §2.2) or fewer scopes give a token for another API.
 *
 * @throws {Failure} whatever is wrong with the token response or with its ID token
 */
export async function refreshTokens(
  provider: Provider,
  client_id: string,
  refresh_token: string,
  target: Target,
  environment: Environment,
): Promise<Tokens> {
  const scope = target.scopes.join(" ");
  const parameters = { ...targetParameters(target), ...(scope && { scope }), refresh_token };
  return ask(provider, client_id, "refresh_token", parameters, environment);
}

/** RFC 7009. The answer matters only to the person who is told; the session is over either way. */
export async function revokeToken(
  { metadata }: Provider,
  client_id: string,
  token: string,
  environment: Environment,
): Promise<boolean> {
  const { revocation_endpoint } = metadata;
  if (!revocation_endpoint) return false;
  try {
    return (await post(environment, revocation_endpoint, { client_id, token, token_type_hint: "refresh_token" })).ok;
  } catch {
    return false; // some providers refuse public clients here, or have no CORS
  }
}

/** A public client says who it is in the form (RFC 6749 §3.2.1). */
function post(environment: Environment, address: string, form: Record<string, string>): Promise<Response> {
  const init = { method: "POST", body: new URLSearchParams(form) };
  return send(environment, address, init, "token_endpoint_unreachable");
}

/** @param nonce of the sign-in that this ends */
async function ask(
  provider: Provider,
  client_id: string,
  grant_type: string,
  parameters: Record<string, string>,
  environment: Environment,
  nonce?: string,
): Promise<Tokens> {
  const endpoint = provider.metadata.token_endpoint as string;
  const response = await post(environment, endpoint, { grant_type, client_id, ...parameters });
  const { status } = response;
  if (status >= 500 || status === 429 || status === 408) throw new Failure("token_endpoint_unreachable", { status });
  return read(provider, client_id, response, environment, nonce);
}

async function read(
  provider: Provider,
  client_id: string,
  raw: Response,
  environment: Environment,
  nonce?: string,
): Promise<Tokens> {
  const { metadata, oidc } = provider;
  const { ok, status } = raw;
  const sent: Body | undefined = await raw
    .clone()
    .json()
    .catch(() => undefined); // said better by the library below
  const response = ok && sent ? new Response(JSON.stringify(normalized(sent, oidc)), raw) : raw;
  const idToken = decoded(sent?.id_token);
  const client = { client_id, [oauth.clockSkew]: clockSkew(idToken, environment) };
  let body: TokenResponse;
  try {
    body = await oauth.processGenericTokenEndpointResponse(metadata, client, response);
    if (body.token_type !== "bearer") throw new Error("a token of another type, which nobody here could use");
  } catch (cause) {
    if (cause instanceof oauth.ResponseBodyError) {
      const { error, error_description } = cause;
      throw new Failure("token_request_refused", { error, error_description, client_id }, cause);
    }
    if (ok && sent && isBearer(sent)) {
      // All else was right; the library names the claim that was not.
      throw invalidIdToken((cause as { cause?: { claim?: string } }).cause?.claim, cause);
    }
    throw new Failure(ok ? "token_response_invalid" : "token_request_refused", { status }, cause);
  }
  return identified(provider, response, body, idToken, environment, nonce);
}

/** The tokens, and whose they are. */
async function identified(
  provider: Provider,
  response: Response,
  { access_token, expires_in, refresh_token, scope, id_token, userinfo }: TokenResponse,
  idToken: Decoded | undefined,
  environment: Environment,
  nonce?: string,
): Promise<Tokens> {
  const tokens = { access_token, expires_in, refresh_token, scope };
  if (!provider.oidc) return { ...tokens, userinfo };
  if (!id_token || !idToken) {
    if (nonce) throw invalidIdToken(); // OpenID Connect Core §3.1.3.3; a refresh may be without (§12.2)
    return tokens;
  }
  try {
    await validateIdToken(provider, response, idToken, access_token, environment, nonce);
  } catch (failure) {
    // The keys can't be had now: a refresh does without its ID token, which nobody is signed in by.
    if (nonce || !isUnreachable(failure)) throw failure;
    return tokens;
  }
  // The nonce has done its work; claims go on to kernels, and it doesn't.
  const { nonce: _, ...claims } = idToken.claims;
  return { ...tokens, id_token, claims: claims as oauth.IDToken };
}

/**
 * What providers are known to send, brought into the form that RFC 6749 §5.1 gives it: `expires_in` that is no
 * positive number means "not said"; an empty refresh token means none; an ID token where none was asked for
 * (OAuth 2 alone) is nobody's.
 */
function normalized(sent: Body, oidc: boolean): Body {
  const seconds = typeof sent.expires_in === "boolean" ? Number.NaN : Number(sent.expires_in);
  return {
    ...sent,
    expires_in: seconds > 0 && Number.isFinite(seconds) ? seconds : undefined,
    refresh_token: sent.refresh_token || undefined,
    id_token: (oidc && sent.id_token) || undefined,
  };
}

/** RFC 6750: what we can use, and hand on. */
function isBearer({ access_token, token_type }: Body): boolean {
  return typeof access_token === "string" && access_token !== "" && /^bearer$/i.test(String(token_type));
}
