import { expect, test } from "vitest";
import { problem } from "../problem.js";
import { KernelLogin } from "./kernel-login.js";

test.each([
  ["one that is renewed has no time, for the kernel does not tell of each renewal", { renewed: true }, undefined],
  ["one that is not renewed ends", { renewed: false }, 60],
  [
    "so does one that could not be",
    { renewed: true, error: problem("provider_unreachable", ["It is away."], ["Wait."]) },
    60,
  ],
])("of the kernel's own tokens, %s", (_, told, left) => {
  const login = new KernelLogin(() => {}, {});
  login.kernel = { status: "signed_in", account: "Alice", expires_in: 60, ...told };
  expect(login.state.expires_in).toBe(left);
});
