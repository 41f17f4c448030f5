import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["frontend/**/*.test.ts"],
    // A test that fakes a global puts it back, whether it passes or not.
    unstubGlobals: true,
    restoreMocks: true,
    // Nothing here waits for real time to pass; a test that takes longer than this hangs.
    testTimeout: 20_000,
  },
});
