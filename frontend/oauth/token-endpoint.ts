import * as oauth from "oauth4webapi";
import { authenticationFailure, type Identity, maxAgeOf } from "./authentication.js";
import type { AuthorizationRequest } from "./authorization-request.js";
import { processAuthorizationResponse } from "./authorization-response.js";
import type { Environment } from "./environment.js";
import { Failure, isUnreachable, type Unreachable } from "./failure.js";
import { checkAlgorithm, checkSameSignIn, clockSkew, invalidIdToken, validateSignature } from "./id-token.js";
import { decoded } from "./jwt.js";
import type { Provider } from "./provider.js";
import { type LoginRequest, type Target, targetParameters } from "./request.js";
import { retryAfter } from "./retry-after.js";
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
  /** Of a sign-in: what its later ID tokens are held against. */
  identity?: Identity;
  /** Who signed in, from a relay to a provider of OAuth 2 alone, which has no ID token. */
  userinfo?: Record<string, unknown>;
}

type TokenResponse = oauth.TokenEndpointResponse & Pick<Tokens, "userinfo">;
type Body = Partial<Record<keyof TokenResponse, unknown>>;

/** Among the facts of a code that could not be redeemed, where that scope was asked for. */
const OFFLINE: Pick<Unreachable, "offline"> = { offline: true };

/** One request to the token endpoint, and what its answer is held against. */
interface Asked {
  provider: Provider;
  client: oauth.Client;
  environment: Environment;
  /** As the provider sent it, in the form that RFC 6749 §5.1 gives it. */
  body?: Body;
}

/**
 * RFC 6749 §4.1.3 and OpenID Connect Core §3.1.3, with PKCE (RFC 7636 §4.5).
 *
 * @param answer what the provider has sent the person back with
 * @throws {Failure} whatever is wrong with that, with the token response or with the ID token; tokens that came all the
 *   same are revoked
 */
export async function exchangeCode(
  provider: Provider,
  request: LoginRequest,
  sent: AuthorizationRequest,
  answer: string,
  environment: Environment,
): Promise<Tokens> {
  const { client_id, redirect_uri, extra_params, scopes } = request;
  const { metadata, oidc } = provider;
  const parameters = processAuthorizationResponse(provider, client_id, sent, answer);
  const asked: Asked = { provider, client: { client_id }, environment };
  const { client } = asked;
  const options = { ...way(asked), additionalParameters: targetParameters(request) };
  const raw = await oauth
    .authorizationCodeGrantRequest(metadata, client, oauth.None(), parameters, redirect_uri, sent.verifier, options)
    .catch((cause: unknown) => {
      if (scopes.includes("offline_access") && isUnreachable(cause)) Object.assign(cause.facts, OFFLINE);
      return toFailure(asked)(cause);
    });
  return revokingOnFailure(asked, async () => {
    const idToken = decoded(asked.body?.id_token);
    checkAlgorithm(idToken);
    const skew = clockSkew(idToken, sent.nonce, environment);
    client[oauth.clockSkew] = skew;
    const body: TokenResponse = oidc
      ? await oauth
          .processAuthorizationCodeResponse(metadata, client, raw, {
            expectedNonce: sent.nonce,
            // It must say when; how long ago that may be is another question.
            maxAge: maxAgeOf(extra_params) === undefined ? undefined : Number.MAX_SAFE_INTEGER,
          })
          .catch(toFailure(asked, raw))
      : await oauth.processGenericTokenEndpointResponse(metadata, client, raw).catch(toFailure(asked, raw));
    const tokens = tokensOf(body);
    if (!oidc) return { ...tokens, userinfo: body.userinfo };
    const claims = oauth.getValidatedIdTokenClaims(body) as oauth.IDToken;
    const identity: Identity = { claims, nonce: sent.nonce, skew };
    await validateSignature(provider, raw, idToken, tokens.access_token, environment);
    const failure = authenticationFailure(identity, extra_params, sent.sentAt);
    if (failure) throw failure;
    return { ...tokens, id_token: body.id_token, claims: shown(claims), identity };
  });
}

/**
 * RFC 6749 §6; another `resource` (RFC 8707 §2.2) or fewer scopes give a token for another API.
 *
 * @param identity of the sign-in that is renewed (OpenID Connect Core §12.2)
 * @throws {Failure} whatever is wrong with the token response or with its ID token
 */
export async function refreshTokens(
  provider: Provider,
  client_id: string,
  refresh_token: string,
  target: Target,
  environment: Environment,
  identity?: Identity,
): Promise<Tokens> {
  const { metadata, oidc } = provider;
  const scope = target.scopes.join(" ");
  const asked: Asked = { provider, client: { client_id, [oauth.clockSkew]: identity?.skew ?? 0 }, environment };
  const { client } = asked;
  const options = { ...way(asked), additionalParameters: { ...targetParameters(target), ...(scope && { scope }) } };
  const raw = await oauth
    .refreshTokenGrantRequest(metadata, client, oauth.None(), refresh_token, options)
    .catch(toFailure(asked));
  return revokingOnFailure(asked, async () => {
    const idToken = decoded(asked.body?.id_token);
    checkAlgorithm(idToken);
    const body = await oauth.processRefreshTokenResponse(metadata, client, raw).catch(toFailure(asked, raw));
    const tokens = tokensOf(body);
    const claims = oidc ? oauth.getValidatedIdTokenClaims(body) : undefined;
    if (!claims) return tokens; // a refresh may be without (OpenID Connect Core §12.2)
    try {
      await validateSignature(provider, raw, idToken, tokens.access_token, environment);
    } catch (failure) {
      if (!isUnreachable(failure)) throw failure;
      return tokens; // the keys can't be had now: it does without an ID token that nobody is signed in by
    }
    if (identity) checkSameSignIn(claims, identity);
    return { ...tokens, id_token: body.id_token, claims: shown(claims) };
  });
}

/** RFC 7009. The answer matters only to the person who is told; the session is over either way. */
export async function revokeToken(
  provider: Provider,
  client_id: string,
  token: string,
  environment: Environment,
): Promise<boolean> {
  const { metadata } = provider;
  if (!metadata.revocation_endpoint) return false;
  const options = {
    ...way({ provider, client: { client_id }, environment }),
    additionalParameters: { token_type_hint: "refresh_token" },
  };
  try {
    const response = await oauth.revocationRequest(metadata, { client_id }, oauth.None(), token, options);
    return response.ok;
  } catch {
    return false; // some providers refuse public clients here, or have no CORS
  }
}

/** How the library reaches an endpoint: by {@link send}, with known quirks out of the way. */
function way(asked: Asked) {
  return {
    [oauth.customFetch]: async (address: string, { body, headers }: { body: URLSearchParams; headers: object }) => {
      const init = { method: "POST", body, headers: headers as Record<string, string> };
      const response = await send(asked.environment, address, init, "token_endpoint_unreachable");
      const { status, ok } = response;
      if (status >= 500 || status === 429 || status === 408) {
        throw new Failure("token_endpoint_unreachable", {
          status,
          retryAfter: retryAfter(response, asked.environment),
        });
      }
      const json: unknown = await response
        .clone()
        .json()
        .catch(() => undefined); // said better by the library
      if (typeof json !== "object" || json === null || Array.isArray(json)) return bare(response);
      asked.body = ok ? normalized(json, asked.provider.oidc) : (json as Body);
      return Response.json(asked.body, { status });
    },
    [oauth.allowInsecureRequests]: true, // what may be called without TLS, discovery has decided
  };
}

/** Without its challenge (RFC 6749 §5.2 sends one with 401): the library would tell that and not the reason. */
function bare(response: Response): Response {
  const type = response.headers.get("content-type");
  return new Response(response.body, { status: response.status, headers: type ? { "content-type": type } : {} });
}

/**
 * What providers are known to send, brought into the form that RFC 6749 §5.1 gives it: `expires_in` that is no positive
 * number means "not said"; an empty refresh token means none; an ID token where none was asked for (OAuth 2 alone) is
 * nobody's.
 */
function normalized(sent: Body, oidc: boolean): Body {
  const seconds = typeof sent.expires_in === "boolean" ? Number.NaN : Number(sent.expires_in);
  return {
    ...sent,
    expires_in: seconds > 0 && Number.isFinite(seconds) ? seconds : undefined,
    refresh_token: sent.refresh_token || undefined,
    id_token: oidc ? (sent.id_token ?? undefined) : undefined,
  };
}

/** What the library found, in our words. */
function toFailure(
  { client, body }: Asked,
  { ok, status }: { ok: boolean; status: number } = { ok: false, status: 0 },
) {
  return (cause: unknown): never => {
    if (cause instanceof Failure) throw cause;
    if (cause instanceof oauth.ResponseBodyError) {
      const { error, error_description } = cause;
      throw new Failure("token_request_refused", { error, error_description, client_id: client.client_id }, cause);
    }
    // All else was right; the library names the claim that was not.
    if (ok && body && isBearer(body)) throw invalidIdToken(claimOf(cause), cause);
    throw new Failure(ok ? "token_response_invalid" : "token_request_refused", { status }, cause);
  };
}

function claimOf(failure: unknown): string | undefined {
  return (failure as { cause?: { claim?: string } } | undefined)?.cause?.claim;
}

/** RFC 6750: what we can use, and hand on. It goes into headers as it is, and those end at a line's end (RFC 6749 A.12). */
function isBearer({ access_token, token_type, refresh_token }: Body): boolean {
  if (typeof token_type !== "string" || !/^bearer$/i.test(token_type)) return false;
  if (refresh_token !== undefined && typeof refresh_token !== "string") return false;
  return typeof access_token === "string" && /^[ -~]+$/.test(access_token);
}

function tokensOf(body: TokenResponse): Tokens {
  // One that is bound to a key (DPoP) is of no use to anybody here.
  if (!isBearer(body)) throw new Failure("token_response_invalid", { status: 200 });
  const { access_token, expires_in, refresh_token, scope } = body;
  return { access_token, expires_in, refresh_token, scope };
}

/** The nonce has done its work; claims go on to kernels, and it doesn't. */
function shown({ nonce: _, ...claims }: oauth.IDToken): oauth.IDToken {
  return claims as oauth.IDToken;
}

/** Tokens that nobody will use, the provider need not keep either. */
async function revokingOnFailure(asked: Asked, check: () => Promise<Tokens>): Promise<Tokens> {
  try {
    return await check();
  } catch (failure) {
    const { provider, client, environment, body } = asked;
    const token = body?.refresh_token ?? body?.access_token;
    if (typeof token === "string" && token) void revokeToken(provider, client.client_id, token, environment);
    throw failure;
  }
}
