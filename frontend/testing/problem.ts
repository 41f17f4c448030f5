import { Failure } from "../oauth/failure.js";
import { inWords } from "../oauth/words.js";

/** What a person is told of an attempt that must fail, and the failure itself. */
export async function problemWith(attempt: () => unknown) {
  try {
    await attempt();
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return { ...inWords(failure), failure };
  }
  throw new Error("nothing was wrong");
}
