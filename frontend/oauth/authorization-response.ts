import type { AuthorizationRequest } from "./authorization-request.js";
import { Failure } from "./failure.js";
import type { Provider } from "./provider.js";

/**
 * The code of an answer that is ours (RFC 6749 §4.1.2, RFC 9207 §2.4).
 *
 * @param search what the provider has sent the person back with
 * @throws {Failure} whatever is wrong with it, the provider's refusal too
 */
export function processAuthorizationResponse(
  { metadata }: Provider,
  client_id: string,
  sent: AuthorizationRequest,
  search: string,
): string {
  const { issuer, authorization_response_iss_parameter_supported } = metadata;
  const given = [...new URLSearchParams(search)];
  const { state, iss, error, error_description, code, id_token, token } = Object.fromEntries(given);
  // No parameter may come twice (RFC 6749 §3.1), and a token has no business in an address.
  const names = new Set(given.map(([name]) => name));
  if (names.size < given.length || id_token || token) throw new Failure("authorization_failed", { issuer });
  if (state !== sent.state) throw new Failure("state_mismatch", undefined);
  // Half of the providers leave `iss` out of error responses; an error gives nothing away, so it is shown.
  const missing = iss === undefined && !error && authorization_response_iss_parameter_supported;
  if (missing || (iss !== undefined && iss !== issuer)) throw new Failure("iss_mismatch", { iss, issuer });
  if (error) throw new Failure("authorization_failed", { error, error_description, client_id });
  if (!code) throw new Failure("authorization_failed", { issuer });
  return code;
}
