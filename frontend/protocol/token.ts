import * as oauth from "oauth4webapi";
import type { AuthorizationRequest } from "./authorization.js";
import { processAuthorizationResponse } from "./authorization-response.js";
import type { Provider } from "./discovery.js";
import type { Environment } from "./environment.js";
import { OIDCError } from "./errors.js";
import { clockSkew, type IdTokenResponse, invalidIdToken, validateIdToken } from "./id-token.js";
import { refusedBy } from "./refusal.js";
import type { LoginRequest, Target } from "./request.js";
import { requestOptions } from "./request-options.js";

const TOKEN_TIMEOUT = 30_000; // ms

/** What a token endpoint gave, checked. Lifetimes are seconds from the moment of the request. */
export interface Tokens {
  access_token: string;
  /** `undefined`: the provider does not say (RFC 6749 §5.1 only recommends it). */
  expires_in?: number;
  refresh_token?: string;
  id_token?: string;
  claims?: oauth.IDToken;
  /** What was granted, where it differs from what was asked for (RFC 6749 §5.1). */
  scopes?: string[];
  /** Who signed in, from a relay to a provider of OAuth 2 alone, which has no ID token. */
  userinfo?: Record<string, unknown>;
}

function grantOptions(provider: Provider, environment: Environment) {
  const { token_endpoint } = provider.metadata;
  return {
    ...requestOptions(environment, token_endpoint),
    [oauth.customFetch]: async (address: string, init: RequestInit) =>
      normalized(await environment.fetch(address, { ...init, credentials: "omit", redirect: "error" }), provider),
    signal: () => AbortSignal.timeout(TOKEN_TIMEOUT),
  };
}

/**
 * What providers are known to send, brought into the form that RFC 6749 §5.1 gives it: `expires_in` that is no
 * positive number means "not said"; an empty refresh token means none; an ID token where none was asked for
 * (OAuth 2 alone) is nobody's.
 */
async function normalized(response: Response, provider: Provider): Promise<Response> {
  if (response.status !== 200) return response;
  const text = await response.text();
  let body = text;
  try {
    const json = JSON.parse(text);
    const seconds = typeof json.expires_in === "boolean" ? Number.NaN : Number(json.expires_in);
    if (seconds > 0 && Number.isFinite(seconds)) json.expires_in = seconds;
    else delete json.expires_in;
    if (!json.refresh_token) delete json.refresh_token;
    if (!provider.oidc || !json.id_token) delete json.id_token;
    body = JSON.stringify(json);
  } catch {
    // Not JSON: oauth4webapi says so of the untouched body.
  }
  return new Response(body, { status: 200, headers: response.headers });
}

/**
 * RFC 6749 §4.1.3 and OpenID Connect Core §3.1.3, with PKCE (RFC 7636 §4.5).
 *
 * @param search what the provider has sent the person back with
 * @throws {OIDCError} whatever is wrong with that, with the token response or with the ID token
 */
export async function exchangeCode(
  provider: Provider,
  request: LoginRequest,
  sent: AuthorizationRequest,
  search: string,
  environment: Environment,
): Promise<Tokens> {
  const client: oauth.Client = { client_id: request.client_id };
  const answer = processAuthorizationResponse(provider, request, sent, search);
  const response = await ask(provider, () =>
    oauth.authorizationCodeGrantRequest(
      provider.metadata,
      client,
      oauth.None(),
      answer,
      request.redirect_uri,
      sent.verifier,
      {
        ...grantOptions(provider, environment),
        additionalParameters: targetParameters(request),
      },
    ),
  );
  return read(provider, request.client_id, response, environment, sent.nonce);
}

/** RFC 6749 §6; another `resource` (RFC 8707 §2.2) or fewer scopes give a token for another API. */
export async function refreshTokens(
  provider: Provider,
  clientId: string,
  refreshToken: string,
  target: Target | undefined,
  environment: Environment,
): Promise<Tokens> {
  const additionalParameters: Record<string, string> = targetParameters(target ?? { scopes: [] });
  if (target?.scopes.length) additionalParameters.scope = target.scopes.join(" ");
  const response = await ask(provider, () =>
    oauth.refreshTokenGrantRequest(provider.metadata, { client_id: clientId }, oauth.None(), refreshToken, {
      ...grantOptions(provider, environment),
      additionalParameters,
    }),
  );
  return read(provider, clientId, response, environment);
}

/** RFC 7009. The answer matters only to the person who is told; the session is over either way. */
export async function revokeToken(
  provider: Provider,
  clientId: string,
  token: string,
  environment: Environment,
): Promise<boolean> {
  const { revocation_endpoint } = provider.metadata;
  if (!revocation_endpoint) return false;
  try {
    const response = await oauth.revocationRequest(provider.metadata, { client_id: clientId }, oauth.None(), token, {
      ...requestOptions(environment, revocation_endpoint),
      additionalParameters: { token_type_hint: "refresh_token" },
      signal: () => AbortSignal.timeout(TOKEN_TIMEOUT),
    });
    return response.ok;
  } catch {
    return false; // some providers refuse public clients here, or have no CORS
  }
}

function targetParameters({ resource, audience }: Target): Record<string, string> {
  return { ...(resource ? { resource } : {}), ...(audience ? { audience } : {}) };
}

async function ask(provider: Provider, send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (cause) {
    if (cause instanceof OIDCError) throw cause;
    throw new OIDCError(
      {
        code: "token_endpoint_unreachable",
        message: `The browser can't reach the token endpoint ${provider.metadata.token_endpoint}: it is down, or it does not allow requests from this page (CORS).`,
        hint: "Allow this page's origin for the client at the provider, or let the server's administrator configure a relay.",
      },
      cause,
    );
  }
}

async function read(
  provider: Provider,
  clientId: string,
  response: Response,
  environment: Environment,
  nonce?: string,
): Promise<Tokens> {
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    throw new OIDCError({
      code: "token_endpoint_unreachable",
      message: `The provider's token endpoint has a problem of its own (status ${response.status}).`,
      hint: "Try again in a while.",
    });
  }
  const sent: Partial<oauth.TokenEndpointResponse> | undefined = await response
    .clone()
    .json()
    .catch(() => undefined); // said better by the library below
  const client: oauth.Client = {
    client_id: clientId,
    [oauth.clockSkew]: clockSkew(sent?.id_token, environment),
  };
  let body: oauth.TokenEndpointResponse;
  try {
    body =
      nonce !== undefined && provider.oidc
        ? await oauth.processAuthorizationCodeResponse(provider.metadata, client, response, {
            expectedNonce: nonce,
            requireIdToken: true,
          })
        : await oauth.processRefreshTokenResponse(provider.metadata, client, response);
    if (body.token_type !== "bearer") throw new Error("a token of another type, which nobody here could use");
  } catch (cause) {
    if (cause instanceof oauth.ResponseBodyError) throw refusedBy(cause, clientId, "token_request_refused");
    if (response.ok && isBearer(sent)) throw invalidIdToken(cause); // all else was right
    throw new OIDCError(
      {
        code: response.ok ? "token_response_invalid" : "token_request_refused",
        message: `The token endpoint's answer (status ${response.status}) is not what RFC 6749 §5 asks for.`,
        hint: "Check the authority with the provider's administrator.",
      },
      cause,
    );
  }
  // The nonce has done its work; claims go on to kernels, and it doesn't.
  const { nonce: _, ...claims } = oauth.getValidatedIdTokenClaims(body) ?? {};
  if (body.id_token) await validateIdToken(provider, response, body as IdTokenResponse, environment);
  return {
    access_token: body.access_token,
    expires_in: body.expires_in,
    refresh_token: body.refresh_token,
    id_token: body.id_token,
    claims: body.id_token ? (claims as oauth.IDToken) : undefined,
    scopes: body.scope?.split(" ").filter(Boolean),
    userinfo: provider.oidc ? undefined : (body.userinfo as Record<string, unknown> | undefined),
  };
}

/** RFC 6750: what we can use, and hand on. */
function isBearer(body: Partial<oauth.TokenEndpointResponse> | undefined): boolean {
  const { access_token, token_type } = body ?? {};
  return typeof access_token === "string" && access_token !== "" && /^bearer$/i.test(String(token_type));
}
