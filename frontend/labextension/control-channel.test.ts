import type { Kernel } from "@jupyterlab/services";
import { describe, expect, test, vi } from "vitest";
import type { VaultClient, VaultListener } from "../client/vault-client.js";
import { settled, until } from "../testing/clock.js";
import type { ToVault } from "../vault/messages.js";
import { ControlChannel } from "./control-channel.js";

const MESSAGE = { link_id: "link-1", event: "token" as const, payload: { seq: 1, vault: "v", access_token: "secret" } };

/** A kernel that this page is connected to, which has a widget of that id whatever kernel the vault means. */
function kernel(id: string, reply: Record<string, unknown> | Error = { status: "ok" }) {
  const sendControlMessage = vi.fn((_message: unknown): { done: Promise<unknown> } => ({
    done: reply instanceof Error ? Promise.reject(reply) : Promise.resolve({ content: reply }),
  }));
  return { id, clientId: "", username: "", hasComm: () => true, sendControlMessage, isDisposed: false };
}

function setUp(here: ReturnType<typeof kernel>[], elsewhere: ReturnType<typeof kernel>[] = []) {
  const said: ToVault[] = [];
  let listener: VaultListener = () => {};
  const vault = {
    id: "vault-1",
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
  const deliver = (delivery: number, kernel_id: string | undefined, visit = false) =>
    listener({ type: "deliver", delivery, message: { ...MESSAGE, link_id: `link-${delivery}` }, kernel_id, visit });
  return { vault, said, deliver };
}

function channel(...kernels: Parameters<typeof setUp>) {
  const { said, deliver } = setUp(...kernels);
  return async (kernel_id: string | undefined, visit = false) => {
    deliver(7, kernel_id, visit);
    return until(() => said.at(-1));
  };
}

test("what came of a message of a vault that died meanwhile is nothing to the next, which counts anew", async () => {
  let reply = (_: unknown) => {};
  const slow = kernel("one");
  slow.sendControlMessage.mockReturnValue({ done: new Promise((resolve) => (reply = resolve)) });
  const { vault, said, deliver } = setUp([slow]);
  deliver(7, "one");
  await until(() => slow.sendControlMessage.mock.calls.length === 1);
  vault.id = "vault-2";
  reply({ content: { status: "ok" } });
  await settled();
  expect(said).toEqual([]);
});

describe("messages that come at once", () => {
  const contents = ({ sendControlMessage }: ReturnType<typeof kernel>) =>
    sendControlMessage.mock.calls.map(([message]) => (message as { content: Record<string, unknown> }).content);

  test("go to each kernel as one, and each has an answer of its own", async () => {
    const one = kernel("one", { status: "ok", replies: [{ status: "ok" }, { status: "error" }] });
    const two = kernel("two");
    const { said, deliver } = setUp([one, two]);
    deliver(1, "one");
    deliver(2, "two");
    deliver(3, "one");
    await until(() => said.length === 3);
    expect(contents(one)).toMatchObject([{ deliveries: [{ link_id: "link-1" }, { link_id: "link-3" }] }]);
    expect(contents(two)).toMatchObject([{ link_id: "link-2" }]);
    expect(said).toContainEqual(expect.objectContaining({ delivery: 1, result: "delivered" }));
    expect(said).toContainEqual(expect.objectContaining({ delivery: 2, result: "delivered" }));
    expect(said).toContainEqual(expect.objectContaining({ delivery: 3, result: "failed" }));
  });

  test("and later ones do not wait for those", async () => {
    const slow = kernel("one");
    slow.sendControlMessage.mockReturnValueOnce({ done: new Promise(() => {}) });
    const { said, deliver } = setUp([slow]);
    deliver(1, "one");
    await until(() => slow.sendControlMessage.mock.calls.length === 1);
    deliver(2, "one");
    await until(() => said.length === 1);
    expect(said).toMatchObject([{ delivery: 2, result: "delivered" }]);
  });

  test("go one by one to a kernel of an older version, which takes them for nobody's", async () => {
    const old = kernel("one");
    old.sendControlMessage.mockReturnValueOnce({
      done: Promise.resolve({ content: { status: "error", reason: "unknown_link" } }),
    });
    const { said, deliver } = setUp([old]);
    deliver(1, "one");
    deliver(2, "one");
    await until(() => said.length === 2);
    expect(contents(old).slice(1)).toMatchObject([{ link_id: "link-1" }, { link_id: "link-2" }]);
    for (const answer of said) expect(answer).toMatchObject({ result: "delivered" });
  });

  test.each([{ status: "ok", replies: [] }, new Error("the line is cut")])(
    "have all failed where the kernel does not say: %j",
    async (reply) => {
      const { said, deliver } = setUp([kernel("one", reply)]);
      deliver(1, "one");
      deliver(2, "one");
      await until(() => said.length === 2);
      for (const answer of said) expect(answer).toMatchObject({ result: "failed" });
    },
  );
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
