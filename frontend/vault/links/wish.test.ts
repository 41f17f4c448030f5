import { describe, expect, test } from "vitest";
import { settled, until } from "../../testing/clock.js";
import { vaultAndProvider } from "../../testing/vault.js";

const ONE = "link-1";

describe("a link that is asked something else of", () => {
  test("keeps a session that serves it too", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link(ONE, { extra_params: { login_hint: "Alice Adams" } });
    await settled();
    expect(tab.state(ONE)).toMatchObject({ status: "signed_in", account: "Alice Adams" });
    expect(tab.delivered(ONE, "status")).not.toContainEqual(expect.objectContaining({ ended: true }));
  });

  test("loses one that does not", async () => {
    const { page } = await vaultAndProvider();
    const tab = page();
    tab.link(ONE);
    await tab.signIn(ONE);
    tab.link(ONE, { client_id: "another" });
    await until(() => tab.state(ONE)?.status === "signed_out");
    expect(tab.delivered(ONE, "status").at(-1)).toMatchObject({ status: "signed_out", ended: true });
  });
});

test("a kernel that hears of nobody's sign-in is told again how it stands", async () => {
  const { page } = await vaultAndProvider();
  const tab = page();
  tab.link(ONE);
  await until(() => tab.prepared(ONE));
  expect(tab.delivered(ONE, "status")).toEqual([]);
  tab.say({ type: "tell_again", link_id: ONE });
  await until(() => tab.delivered(ONE, "status").length === 1);
  expect(tab.delivered(ONE, "status")).toMatchObject([{ status: "signed_out", ended: false }]);
});
