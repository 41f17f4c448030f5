import { OIDCError } from "./errors.js";

/** What both endpoints answer when they refuse (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2). */
interface Refusal {
  error: string;
  error_description?: string;
}

/** Why the provider refused, and what a person can do about it. The provider's own words are quoted, but not at length. */
export function refusedBy(
  refusal: Error & Refusal,
  clientId: string,
  otherwise: "authorization_failed" | "token_request_refused",
): OIDCError {
  const { error, error_description } = refusal;
  const said = error_description ? ` The provider says: “${error_description.slice(0, 300)}”.` : "";
  const problem = (code: OIDCError["code"], message: string, hint: string) =>
    new OIDCError({ code, message: message + said, hint }, refusal);
  switch (error) {
    case "access_denied":
      return problem(
        error,
        "The sign-in was declined.",
        "Sign in again and allow the access, or ask the provider's administrator for it.",
      );
    case "invalid_grant":
      return problem(error, "The provider no longer accepts this sign-in.", "Sign in again.");
    case "invalid_client":
    case "unauthorized_client":
      return problem(
        "unknown_client",
        `The provider does not accept the client “${clientId}”.`,
        "Check client_id, and that it is a public client with the authorization code flow; one that needs a secret can be used through the server's configuration (relay).",
      );
    case "invalid_scope":
    case "invalid_target":
      return problem(
        "scope_unavailable",
        `The provider does not grant what was asked for (${error}).`,
        "Check scopes, resource and audience.",
      );
    default:
      return problem(
        otherwise,
        `The provider refused the ${otherwise === "authorization_failed" ? "sign-in" : "token request"} (${error}).`,
        "Try again, or ask the provider's administrator.",
      );
  }
}
