import type { ErrorCode } from "./errors.js";

/** What each failure is told with, beside its code. Nothing here is secret. */
export interface Facts {
  invalid_authority: { authority: string; url?: URL };
  invalid_configuration: { parameter: string; value: string };
  unknown_provider: { name: string; names: string[] };
  provider_unreachable: Unreachable | Said;
  discovery_failed: { address: string; status: number } | { address: string; endpoint: string } | Said;
  issuer_mismatch: { authority: string; announced: string } | Said;
  redirect_uri_mismatch: { given: string; own: string };
  authorization_failed: Refusal | { issuer: string };
  state_mismatch: undefined;
  iss_mismatch: { issuer: string; iss: string | undefined };
  id_token_invalid: { claim?: string } | { alg: string };
  acr_mismatch: { wanted: string; acr?: string };
  token_endpoint_unreachable: Unreachable | { status: number; retryAfter?: number } | Said;
  token_request_refused: Refusal | { status: number };
  token_response_invalid: { status: number };
  /** The provider gave nothing to renew the token with; or what it gave is dead, in its own words. */
  invalid_grant: Refusal | undefined;
  scope_unavailable: Refusal | Unanswered;
  timeout: undefined;
  no_token: undefined;
  /** The Jupyter server does not answer as ours does. */
  server_unavailable: { status: number };
  sign_in_failed: { name: string };
}

/** No answer, or (`largest`: bytes) more than anybody reads. */
export interface Unreachable {
  address: string;
  largest?: number;
  /** `offline_access` was asked for: Keycloak refuses it to who may not have it with an answer that no page may read. */
  offline?: boolean;
}

/** What a provider answers when it refuses (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2). */
export interface Refusal {
  error: string;
  error_description?: string;
  client_id: string;
}

/** What was asked for, and came back otherwise: nothing was refused, so this is a warning. */
export interface Unanswered {
  asked: string;
  got: string;
}

/** The Jupyter server's own words, by way of the relay; without any, it does not know the person any more. */
export interface Said {
  said?: string;
  retryAfter?: number;
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

/** Something can't be reached now: that says nothing of a sign-in, and passes. */
export function isUnreachable(
  failure: unknown,
): failure is Failure<"provider_unreachable" | "token_endpoint_unreachable"> {
  return failure instanceof Failure && /_unreachable$/.test(failure.code);
}
