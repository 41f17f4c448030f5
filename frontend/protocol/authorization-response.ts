import * as oauth from "oauth4webapi";
import type { AuthorizationRequest } from "./authorization.js";
import type { Provider } from "./discovery.js";
import { OIDCError } from "./errors.js";
import { refusedBy } from "./refusal.js";
import type { LoginRequest } from "./request.js";

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
    const codes = parameters.getAll("code");
    if (codes.length !== 1 || !codes[0]) throw new Error("no code, or more than one");
    return checked;
  } catch (cause) {
    if (cause instanceof oauth.AuthorizationResponseError) {
      throw refusedBy(cause, request.client_id, "authorization_failed");
    }
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
