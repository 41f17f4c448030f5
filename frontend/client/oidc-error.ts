import type { ErrorCode, Problem } from "../oauth/errors.js";

/** A failure of this page's own, with the words for it. */
export class OIDCError extends Error {
  readonly code: ErrorCode;
  readonly problem: Problem;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, { cause });
    this.name = "OIDCError";
    this.code = problem.code;
    this.problem = problem;
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
