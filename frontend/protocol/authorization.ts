import * as oauth from "oauth4webapi";
import type { Provider } from "./discovery.js";
import { base64url, type Environment, randomString } from "./environment.js";
import { OIDCError } from "./errors.js";
import type { LoginRequest } from "./request.js";
import { sha2 } from "./sha2.js";

/** One authorization request: where to send the popup, and what must come back. */
export interface AuthorizationRequest {
  url: string;
  state: string;
  nonce: string;
  verifier: string;
  /** Seconds since the epoch. */
  made: number;
}

/** Set by the protocol itself; a person's `extra_params` must not replace them. */
const RESERVED = new Set([
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

/**
 * OpenID Connect Core §3.1.2.1 with PKCE S256 (RFC 7636), which is sent also where discovery does not
 * advertise it: a provider that does not know it ignores it (RFC 6749 §3.1).
 *
 * @param forwardTo the callback that a fixed redirect address has to send the answer on to; it travels
 *   at the end of `state`, which the provider returns unchanged.
 */
export async function authorizationRequest(
  provider: Provider,
  request: LoginRequest,
  environment: Environment,
  forwardTo?: string,
): Promise<AuthorizationRequest> {
  const verifier = randomString(environment);
  const nonce = randomString(environment);
  let state = randomString(environment);
  if (forwardTo) state += `.${base64url(new TextEncoder().encode(forwardTo))}`;
  const url = new URL(provider.metadata.authorization_endpoint as string);
  const parameters: Record<string, string | null | undefined> = {
    response_type: "code",
    client_id: request.client_id,
    redirect_uri: request.redirect_uri,
    scope: request.scopes.join(" ") || undefined,
    state,
    nonce: provider.oidc ? nonce : undefined,
    code_challenge: base64url(await sha2("256", verifier)),
    code_challenge_method: "S256",
    resource: request.resource,
    audience: request.audience,
  };
  for (const [name, value] of Object.entries(request.extra_params)) {
    if (!RESERVED.has(name)) url.searchParams.set(name, value);
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (value != null) url.searchParams.set(name, value);
  }
  return { url: url.href, state, nonce, verifier, made: environment.now() };
}

/** The callback's parameters, checked (RFC 6749 §4.1.2, RFC 9207 §2.4), ready for the token request. */
export function processAuthorizationResponse(
  provider: Provider,
  request: LoginRequest,
  sent: AuthorizationRequest,
  search: string,
): URLSearchParams {
  const parameters = new URLSearchParams(search);
  const { issuer } = provider.metadata;
  const iss = parameters.get("iss");
  if (parameters.get("state") !== sent.state) {
    throw new OIDCError({
      code: "state_mismatch",
      message: "The answer from the sign-in window belongs to another sign-in.",
      hint: "Try again, and finish the sign-in in the window that opens.",
    });
  }
  if (iss !== null && iss !== issuer) {
    throw new OIDCError({
      code: "iss_mismatch",
      message: `The answer came from ${iss}, not from ${issuer}, so it was not used.`,
      hint: "Try again; if it happens again, tell the provider's administrator: it can be an attack.",
    });
  }
  // Half of the providers leave `iss` out of error responses; an error gives nothing away, so it is shown.
  const metadata = parameters.has("error")
    ? { ...provider.metadata, authorization_response_iss_parameter_supported: false }
    : provider.metadata;
  try {
    const checked = oauth.validateAuthResponse(metadata, { client_id: request.client_id }, parameters, sent.state);
    if (!parameters.get("code")) throw new Error("no code");
    return checked;
  } catch (cause) {
    if (cause instanceof oauth.AuthorizationResponseError) throw deniedBy(cause, request);
    throw new OIDCError(
      {
        code: iss === null && parameters.has("code") ? "iss_mismatch" : "authorization_failed",
        message: `The answer from ${issuer} is incomplete or of an unknown kind, so it was not used.`,
        hint: "Try again; if it happens again, tell the provider's administrator.",
      },
      cause,
    );
  }
}

function deniedBy(response: oauth.AuthorizationResponseError, request: LoginRequest): OIDCError {
  const said = response.error_description ? ` The provider says: “${response.error_description.slice(0, 300)}”` : "";
  switch (response.error) {
    case "access_denied":
      return new OIDCError({
        code: "access_denied",
        message: `The sign-in was declined.${said}`,
        hint: "Sign in again and allow the access, or ask the provider's administrator for it.",
      });
    case "unauthorized_client":
    case "invalid_client":
      return new OIDCError({
        code: "unknown_client",
        message: `The provider does not accept the client “${request.client_id}”.${said}`,
        hint: "Check client_id, and that it is registered as a public client with the authorization code flow.",
      });
    case "invalid_scope":
    case "invalid_target":
      return new OIDCError({
        code: "scope_unavailable",
        message: `The provider does not grant what was asked for (${response.error}).${said}`,
        hint: "Check scopes, resource and audience.",
      });
    default:
      return new OIDCError({
        code: "authorization_failed",
        message: `The provider refused the sign-in (${response.error}).${said}`,
        hint: "Try again, or ask the provider's administrator.",
      });
  }
}
