import { expect, test } from "vitest";
import { until } from "../../testing/clock.js";
import { vaultAndProvider } from "../../testing/vault.js";

const ONE = "link-1";

/** Signs in and out again, at a provider that lists these prompts. */
async function signedOut(prompts: string[] | undefined, extra_params: Record<string, string> = {}) {
  const { idp, page } = await vaultAndProvider();
  if (prompts) idp.metadata.prompt_values_supported = prompts;
  const tab = page();
  tab.link(ONE, { extra_params });
  await tab.signIn(ONE);
  const before = await until(() => tab.prepared(ONE));
  tab.say({ type: "sign_out", link_id: ONE });
  const { url } = await until(() => {
    const prepared = tab.prepared(ONE);
    return prepared && prepared.id !== before.id ? prepared : undefined;
  });
  return { tab, prompt: new URL(url).searchParams.get("prompt") };
}

test.each([
  [["none", "login", "select_account"], "select_account"],
  [["none", "login"], "login"],
] as const)("after a sign-out the provider is asked who it is, in a way that it has: %j", async (prompts, asked) => {
  const { tab, prompt } = await signedOut([...prompts]);
  expect(prompt).toBe(asked);
  expect(tab.state(ONE)?.same_person).toBe(false);
  await tab.signIn(ONE);
  await until(() => new URL(tab.prepared(ONE)?.url ?? "").searchParams.get("prompt") === null);
});

test("a prompt that was asked for stays", async () => {
  expect((await signedOut(["login", "select_account"], { prompt: "consent" })).prompt).toBe("consent");
});

test.each([undefined, ["none"]])(
  "a provider that has none (%j) is not asked for what it may refuse, and it is told",
  async (prompts) => {
    const { tab, prompt } = await signedOut(prompts);
    expect(prompt).toBeNull();
    await until(() => tab.state(ONE)?.same_person === true);
  },
);
