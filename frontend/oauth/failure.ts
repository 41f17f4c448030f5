import type { ErrorCode } from "./errors.js";

/** What each failure is told with, beside its code. Nothing here is secret. */
export interface Facts {
  invalid_authority: { authority: string; url?: URL };
  provider_unreachable: { address: string } | Said;
  discovery_failed: { address: string; status: number } | { address: string; endpoint: string } | Said;
  issuer_mismatch: { issuer: URL; announced: string } | Said;
  authorization_failed: Refusal | { issuer: string };
  state_mismatch: undefined;
  iss_mismatch: { issuer: string; iss: string | undefined };
  id_token_invalid: { claim?: string };
  token_endpoint_unreachable: { address: string } | { status: number } | Said;
  token_request_refused: Refusal | { status: number };
  token_response_invalid: { status: number };
  /** The provider gave nothing to renew the token with. */
  invalid_grant: undefined;
  scope_unavailable: Refusal;
  timeout: undefined;
  no_token: undefined;
  sign_in_failed: { name: string };
}

/** What a provider answers when it refuses (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2). */
export interface Refusal {
  error: string;
  error_description?: string;
  client_id: string;
}

/** The Jupyter server's own words, by way of the relay; without any, it does not know the person any more. */
export interface Said {
  said?: string;
}

/**
 * What went wrong: what the vault decides by, and facts for the problem that people and kernels are told (`words.ts`).
 * That is loaded when there is something to say, so nothing here may be decided by it.
 */
export class Failure<Code extends ErrorCode & keyof Facts = ErrorCode & keyof Facts> extends Error {
  readonly code: Code;
  readonly facts: Facts[Code];

  constructor(code: Code, facts: Facts[Code], cause?: unknown) {
    super(code, { cause });
    this.code = code;
    this.facts = facts;
  }
}

/** Known by its form: what is loaded on demand is a bundle with a class of its own. */
export function isFailure(failure: unknown): failure is Failure {
  return failure instanceof Error && "facts" in failure;
}

/** Something can't be reached now: that says nothing of a sign-in, and passes. */
export function isUnreachable(failure: unknown): boolean {
  return /_unreachable$/.test((failure as Partial<Failure>).code ?? "");
}
