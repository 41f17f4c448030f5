import { base64url, type Environment, randomString } from "./environment.js";
import type { Provider } from "./provider.js";
import { type LoginRequest, targetParameters } from "./request.js";
import { sha2 } from "./sha2.js";

/** One authorization request: where to send the popup, and what must come back. */
export interface AuthorizationRequest {
  url: string;
  state: string;
  nonce: string;
  verifier: string;
  /** When the person is sent there, in seconds since the epoch: how long ago they may have signed in counts from then. */
  sentAt: number;
}

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
  const parameters = {
    ...request.extra_params,
    ...targetParameters(request),
    // What the protocol sets is not for a notebook to replace: not one by one, nor all at once by a request object
    // (OpenID Connect Core §6).
    request: null,
    request_uri: null,
    response_mode: null,
    response_type: "code",
    client_id: request.client_id,
    redirect_uri: request.redirect_uri,
    scope: request.scopes.join(" ") || null,
    state,
    nonce: provider.oidc ? nonce : null,
    code_challenge: base64url(await sha2("256", verifier)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries<string | null>(parameters)) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return { url: url.href, state, nonce, verifier, sentAt: environment.now() };
}
