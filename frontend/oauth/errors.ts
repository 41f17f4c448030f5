/**
 * Errors that cross every boundary of the project as plain data: worker → page → kernel, and back.
 * The codes are the same as in Python (`src/oidc_widget/errors.py`). No message holds a secret.
 */
export type ErrorCode =
  | "invalid_authority"
  | "provider_unreachable"
  | "discovery_failed"
  | "issuer_mismatch"
  | "unknown_provider"
  | "access_denied"
  | "expired_token"
  | "authorization_failed"
  | "unknown_client"
  | "redirect_uri_mismatch"
  | "state_mismatch"
  | "iss_mismatch"
  | "id_token_invalid"
  | "acr_mismatch"
  | "token_endpoint_unreachable"
  | "token_request_refused"
  | "token_response_invalid"
  | "invalid_grant"
  | "scope_unavailable"
  | "timeout"
  | "sign_in_failed"
  | "vault_unavailable"
  | "server_unavailable"
  | "popup_blocked"
  | "storage_refused"
  | "no_token"
  // Of a kernel that signs in by itself; its pages show them.
  | "invalid_configuration"
  | "keys_unavailable"
  | "no_express_lane";

/** A sentence for a translator: a text with %1, %2 …, and what stands in their place. */
export type Sentence = [text: string, ...values: string[]];

/** What travels: a code for programs, a sentence for people, and what to do about it. */
export interface Problem {
  code: ErrorCode;
  message: string;
  hint?: string;
  /** The same sentences (`message`, and the hint where there is one) as a page translates them; kernels need none. */
  sentences?: { message: Sentence[]; hint?: Sentence };
  /** Text a person may want to copy, such as the redirect address to register. */
  copy?: string;
}
