import * as oauth from "oauth4webapi";
import type { AuthorizationRequest } from "./authorization-request.js";
import { Failure } from "./failure.js";
import type { Provider } from "./provider.js";

/**
 * The parameters of an answer that is ours, with its code (RFC 6749 §4.1.2, RFC 9207 §2.4).
 *
 * @param answer what the provider has sent the person back with: the query, or what it put into the fragment
 *   (OAuth 2.0 Multiple Response Types §2.1)
 * @throws {Failure} whatever is wrong with it, the provider's refusal too
 */
export function processAuthorizationResponse(
  { metadata }: Provider,
  client_id: string,
  sent: AuthorizationRequest,
  answer: string,
): URLSearchParams {
  const { issuer } = metadata;
  const given = new URLSearchParams(answer);
  const unusable = (cause?: unknown) => new Failure("authorization_failed", { issuer }, cause);
  if (new Set(given.keys()).size < given.size) throw unusable(); // none may come twice (RFC 6749 §3.1)
  if (given.get("state") !== sent.state) throw new Failure("state_mismatch", undefined);
  const iss = given.get("iss") ?? undefined;
  const error = given.get("error");
  if (iss === undefined && metadata.authorization_response_iss_parameter_supported && error) {
    // Half of the providers leave `iss` out of their refusals. It may be theirs, so nobody waits any longer; or it
    // may be anybody's, so its words are not told as the provider's.
    throw unusable();
  }
  if (iss === undefined ? metadata.authorization_response_iss_parameter_supported : iss !== issuer) {
    throw new Failure("iss_mismatch", { iss, issuer });
  }
  try {
    const parameters = oauth.validateAuthResponse(metadata, { client_id }, given, sent.state);
    if (parameters.get("code")) return parameters;
  } catch (cause) {
    if (!(cause instanceof oauth.AuthorizationResponseError)) throw unusable(cause);
    const { error, error_description } = cause;
    throw new Failure("authorization_failed", { error, error_description, client_id }, cause);
  }
  throw unusable();
}
