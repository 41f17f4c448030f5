import { vi } from "vitest";
import { problemOf } from "../vault/problem.js";
import { createVault } from "../vault/vault.js";
import { TestClock } from "./clock.js";
import { TestPage } from "./page.js";
import { TestProvider } from "./provider.js";

const START = 1_800_000_000; // seconds since the epoch

/** A vault, its provider, and pages, all on one clock. */
export async function vaultAndProvider() {
  const clock = new TestClock();
  const now = () => START + clock.elapsed();
  vi.spyOn(Date, "now").mockImplementation(() => now() * 1000);
  vi.spyOn(Math, "random").mockReturnValue(0.5); // no jitter
  const held = new Map<string, () => void>();
  vi.stubGlobal("navigator", {
    locks: {
      request: async (name: string, run: () => void) => {
        held.set(name, run);
      },
    },
  });
  await problemOf(new Error()); // loads the words, which a test has no time to wait for
  const idp = await TestProvider.make({ now });
  const vault = createVault(idp.environment, clock);
  return {
    clock,
    idp,
    vault,
    page: (options?: { courier?: boolean }) => new TestPage(vault, idp, options),
    /** The page is gone without a word; the browser lets go of its lock. */
    crash: (page: TestPage) => held.get(`oidc-widget:page:${page.id}`)?.(),
  };
}
