/**
 * Errors that cross every boundary of the project as plain data: worker → page → kernel.
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
  | "token_endpoint_unreachable"
  | "token_request_refused"
  | "token_response_invalid"
  | "invalid_grant"
  | "scope_unavailable"
  | "timeout"
  | "sign_in_failed"
  | "vault_unavailable"
  | "popup_blocked"
  | "no_token";

/** What travels: a code for programs, a sentence for people, and what to do about it. */
export interface Problem {
  code: ErrorCode;
  message: string;
  hint?: string;
  /** Text a person may want to copy, such as the redirect address to register. */
  copy?: string;
}

export class OIDCError extends Error {
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly copy?: string;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, { cause });
    this.name = "OIDCError";
    this.code = problem.code;
    this.hint = problem.hint;
    this.copy = problem.copy;
  }

  get problem(): Problem {
    const { code, message, hint, copy } = this;
    return { code, message, hint, copy };
  }
}

/** Any failure as a {@link Problem}. A stranger's message is left out: it may quote what it failed on. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof OIDCError) return failure.problem;
  const name = failure instanceof Error ? failure.name : typeof failure;
  return {
    code: "sign_in_failed",
    message: `The sign-in failed for a reason that was not foreseen (${name}).`,
    hint: "Try again; if it happens again, please report it.",
  };
}
