import type { Problem } from "../oauth/errors.js";
import { Failure } from "../oauth/failure.js";

/** How long the words may take to come, in ms: whoever waits is told the code alone then. */
const PATIENCE = 5000;

/** Any failure as what people are told. A stranger's message is left out: it may quote what it failed on. */
export async function problemOf(reason: unknown): Promise<Problem> {
  const name = (reason as Error | undefined)?.name ?? typeof reason;
  const failure = reason instanceof Failure ? reason : new Failure("sign_in_failed", { name }, reason);
  const { code } = failure;
  try {
    // Loaded by those who need them only; a session's fate never depends on it.
    const { inWords } = await Promise.race([
      import("../oauth/words.js"),
      new Promise<never>((_, reject) => setTimeout(reject, PATIENCE)),
    ]);
    return inWords(failure);
  } catch {
    return { code, message: `The Jupyter server does not answer (${code}).` };
  }
}
