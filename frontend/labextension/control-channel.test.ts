import type { Kernel } from "@jupyterlab/services";
import { expect, test, vi } from "vitest";
import type { VaultClient, VaultListener } from "../client/vault-client.js";
import { settled, until } from "../testing/clock.js";
import type { ToVault } from "../vault/messages.js";
import { ControlChannel } from "./control-channel.js";

const MESSAGE = { link_id: "link-1", event: "token" as const, payload: { seq: 1, vault: "v", access_token: "secret" } };

/** A kernel that this page is connected to, which has a widget of that id whatever kernel the vault means. */
function kernel(id: string, reply: Record<string, unknown> | Error = { status: "ok" }) {
  const sendControlMessage = vi.fn(() => ({
    done: reply instanceof Error ? Promise.reject(reply) : Promise.resolve({ content: reply }),
  }));
  return { id, clientId: "", username: "", hasComm: () => true, sendControlMessage, isDisposed: false };
}

function channel(here: ReturnType<typeof kernel>[], elsewhere: ReturnType<typeof kernel>[] = []) {
  const said: ToVault[] = [];
  let listener: VaultListener = () => {};
  const vault = {
    send: (message: ToVault) => void said.push(message),
    listen: (listen: VaultListener) => {
      listener = listen;
    },
  };
  const connected = () =>
    here.map((connection) => ({
      connection: connection as never,
      path: `${connection.id}.ipynb`,
      name: connection.id,
    }));
  const kernels = {
    findById: async (id: string) => elsewhere.find((each) => each.id === id),
    connectTo: ({ model }: { model: unknown }) => model,
  };
  new ControlChannel(vault as unknown as VaultClient, connected, kernels as unknown as Kernel.IManager);
  return async (kernel_id: string | undefined, visit = false) => {
    listener({ type: "deliver", delivery: 7, message: MESSAGE, kernel_id, visit });
    return until(() => said.at(-1));
  };
}

test("what came of a message of a vault that died meanwhile is nothing to the next, which counts anew", async () => {
  let reply = (_: unknown) => {};
  const slow = { ...kernel("one"), sendControlMessage: () => ({ done: new Promise((resolve) => (reply = resolve)) }) };
  const said: ToVault[] = [];
  let listener: VaultListener = () => {};
  const vault = {
    id: "vault-1",
    send: (message: ToVault) => void said.push(message),
    listen: (listen: VaultListener) => {
      listener = listen;
    },
  };
  const connected = () => [{ connection: slow as never, path: "one.ipynb", name: "one" }];
  new ControlChannel(vault as unknown as VaultClient, connected, {} as Kernel.IManager);
  listener({ type: "deliver", delivery: 7, message: MESSAGE, kernel_id: "one" });
  vault.id = "vault-2";
  reply({ content: { status: "ok" } });
  await settled();
  expect(said).toEqual([]);
});

test("a message goes to the kernel that the vault names, and to no other that has such a widget", async () => {
  const [one, two] = [kernel("one"), kernel("two")];
  const answer = await channel([one, two])("two");
  expect(one.sendControlMessage).not.toHaveBeenCalled();
  expect(two.sendControlMessage).toHaveBeenCalledTimes(1);
  expect(answer).toMatchObject({ delivery: 7, result: "delivered", place: { path: "two.ipynb", name: "two" } });
});

test.each([["three"], [undefined]])("a kernel that this page does not know (%j) is another page's", async (id) => {
  const one = kernel("one");
  expect(await channel([one])(id)).toMatchObject({ result: "not_mine" });
  expect(one.sendControlMessage).not.toHaveBeenCalled();
});

test("a kernel whose notebook no page shows is visited when the vault asks for it", async () => {
  const away = kernel("away");
  expect(await channel([], [away])("away")).toMatchObject({ result: "not_mine" });
  expect(await channel([], [away])("away", true)).toMatchObject({ result: "delivered", place: undefined });
  expect(await channel([], [])("away", true)).toMatchObject({ result: "not_mine" });
});

test.each([
  [{ status: "error", reason: "unknown_link" }, { result: "not_mine" }],
  [{ status: "error" }, { result: "failed" }],
  [new Error("the connection is lost"), { result: "failed" }],
  [
    { status: "ok", signed_out: true },
    { result: "delivered", signed_out: true },
  ],
])("what the kernel answers goes back: %j", async (reply, answer) => {
  expect(await channel([kernel("one", reply)])("one")).toMatchObject(answer);
});
