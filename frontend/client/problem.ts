import type { ErrorCode, Problem, Sentence } from "../oauth/errors.js";
import { english } from "./translate.js";

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

/** What this page found wrong: what happened and why, and what to do about it. */
export function problem(code: ErrorCode, message: Sentence, hint: Sentence): Problem {
  return { code, message: english(...message), hint: english(...hint), sentences: { message: [message], hint } };
}

/** Any failure as a {@link Problem}. A stranger's message is left out: it may quote what it failed on. */
export function asProblem(failure: unknown): Problem {
  if (failure instanceof OIDCError) return failure.problem;
  const name = failure instanceof Error ? failure.name : typeof failure;
  return problem(
    "sign_in_failed",
    ["The sign-in failed for a reason that was not foreseen (%1).", name],
    ["Try again; if it happens again, please report it."],
  );
}
