import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const WORDS = "../oauth/words.js";

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.doUnmock(WORDS));

/** The module as a vault has it that has not loaded the words yet, and a failure. */
async function fresh() {
  const { Failure } = await import("../oauth/failure.js");
  const failure = new Failure("token_endpoint_unreachable", { status: 503 });
  return { problemOf: (await import("./problem.js")).problemOf, failure };
}

describe("a failure", () => {
  test("is told in words that are loaded for it", async () => {
    const { problemOf, failure } = await fresh();
    expect(await problemOf(failure)).toMatchObject({ code: "token_endpoint_unreachable", message: /503/ });
  });

  test("keeps its code where the words can't be had, because the Jupyter server is gone", async () => {
    vi.doMock(WORDS, () => {
      throw new TypeError("Failed to fetch dynamically imported module");
    });
    const { problemOf, failure } = await fresh();
    const { code, message } = await problemOf(failure);
    expect(code).toBe("token_endpoint_unreachable");
    expect(message).toContain("does not answer");
  });

  test("waits for the words no longer than five seconds", async () => {
    vi.doMock(WORDS, () => new Promise(() => {}));
    const { problemOf, failure } = await fresh();
    vi.useFakeTimers();
    const told = problemOf(failure);
    await vi.advanceTimersByTimeAsync(5000);
    vi.useRealTimers();
    expect(await told).toMatchObject({ code: "token_endpoint_unreachable" });
  });

  test.each([
    ["an error", new RangeError("secret-1")],
    ["a text", "secret-1"],
    ["nothing", undefined],
  ])("that nobody foresaw is told without its own text: %s", async (_, reason) => {
    const { problemOf } = await fresh();
    const problem = await problemOf(reason);
    expect(problem.code).toBe("sign_in_failed");
    expect(JSON.stringify(problem)).not.toContain("secret-1");
  });
});
