import { vi } from "vitest";
import type { Role } from "../vault/messages.js";
import { problemOf } from "../vault/problem.js";
import { createVault } from "../vault/vault.js";
import { TestClock } from "./clock.js";
import { TestJupyter } from "./jupyter.js";
import { TestPage } from "./page.js";
import { TestProvider } from "./provider.js";

const START = 1_800_000_000; // seconds since the epoch

/** A vault, its Jupyter server, its provider, and pages, all on one clock. */
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
  // What the vault loads when it needs it, a test has no time to wait for.
  await problemOf(new Error());
  const idp = await TestProvider.make({ now });
  const jupyter = new TestJupyter();
  const environment = { ...idp.environment, fetch: jupyter.fetch(idp.fetch) };
  const vault = createVault(environment, clock, { filesUrl: jupyter.filesUrl, locked: true });
  return {
    clock,
    idp,
    jupyter,
    vault,
    page: (role?: Role) => new TestPage(vault, idp, role),
    /** The page is gone without a word; the browser lets go of its lock. */
    crash: (page: TestPage) => held.get(`oidc-widget:page:${page.id}`)?.(),
  };
}
