// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { until } from "../testing/clock.js";
import type { FromVault, Role, ToVault } from "../vault/messages.js";
import { VERSION } from "../version.js";
import type { JupyterHost } from "./host.js";
import { VaultClient } from "./vault-client.js";

const HOST: JupyterHost = {
  baseUrl: "/user/alice/",
  filesUrl: "http://localhost:3000/user/alice/lab/extensions/oidc-widget/static/",
  headers: () => ({ "X-XSRFToken": "xsrf" }),
};

/** The vaults that were started, each with what it was told. */
let count = 0;
let workers: {
  id: string;
  url: string;
  options: WorkerOptions;
  heard: ToVault[];
  port: MessagePort;
  fail: () => void;
}[];
/** Locks that somebody waits for, since a vault holds them: they are granted when it dies. */
let waiting: Map<string, () => void>;
/** Locks that nobody else held. */
let held: Set<string>;
let answering: boolean;

beforeEach(() => {
  [workers, waiting, held, answering] = [[], new Map(), new Set(), true];
  Object.defineProperty(navigator, "locks", {
    configurable: true,
    value: {
      request: async (name: string, ...last: unknown[]) => {
        const run = last.at(-1) as () => void;
        if (name.startsWith("oidc-widget:vault:")) {
          if (name.includes(":page:"))
            void run(); // nobody else asks for it before the page holds it
          else waiting.set(name, run);
        } else {
          held.add(name);
          run();
        }
      },
    },
  });
  vi.stubGlobal(
    "SharedWorker",
    class extends EventTarget {
      readonly port: MessagePort;
      constructor(url: string, options: WorkerOptions) {
        super();
        const { port1, port2 } = new MessageChannel();
        this.port = port1;
        const heard: ToVault[] = [];
        const fail = () => this.dispatchEvent(new Event("error"));
        count += 1;
        const id = `vault-${count}`;
        workers.push({ id, url, options, heard, port: port2, fail });
        port2.onmessage = ({ data }: MessageEvent<ToVault>) => {
          heard.push(data);
          if (data.type !== "hello" || !answering) return;
          port2.postMessage({ type: "welcome", vault_id: id, locked: true } satisfies FromVault);
        };
      }
    },
  );
});

function connected(role: Role = "widget"): VaultClient {
  const client = new VaultClient(HOST, role);
  void client.connect();
  return client;
}

describe("a page", () => {
  test("has no vault before it asks for one, and one however often it asks", async () => {
    const client = new VaultClient(HOST, "delivery");
    await new Promise(setImmediate);
    expect(workers).toEqual([]);
    await Promise.all([client.connect(), client.connect()]);
    expect(workers.length).toBe(1);
  });

  test("that could get none tries again when it is asked again", async () => {
    answering = false;
    const client = new VaultClient(HOST, "delivery");
    const first = client.connect();
    await until(() => workers.length === 1);
    workers[0].fail();
    expect(await first).toBe(false);
    answering = true;
    expect(await client.connect()).toBe(true);
    expect(workers.length).toBe(2);
  });

  test("that is gone before it got one starts none, and lets its lock go", async () => {
    const client = new VaultClient(HOST, "widget");
    const connecting = client.connect();
    client.dispose();
    expect(await connecting).toBe(false);
    expect(workers).toEqual([]);
  });

  test("says nothing to the vault before what has to be there first", async () => {
    const delivery = new VaultClient(HOST, "delivery");
    const order: string[] = [];
    delivery.onConnected(() => order.push("delivery"));
    const client = new VaultClient(HOST, "widget", () => delivery.connect());
    client.onConnected(() => order.push("widget"));
    await client.connect();
    expect(order).toEqual(["delivery", "widget"]);
    const hellos = workers.map(({ heard }) => heard[0]);
    expect(hellos).toMatchObject([{ role: "delivery" }, { role: "widget" }]);
  });

  test("finds the vault among our files; its name carries the version, so that an upgrade starts a new one", async () => {
    const client = connected();
    const greeter = vi.fn();
    client.onConnected(greeter);
    await until(() => greeter.mock.calls.length > 0);
    const options = { type: "module", name: `oidc-widget ${VERSION} extended`, extendedLifetime: true };
    expect(workers).toMatchObject([{ url: `${HOST.filesUrl}vault.js`, options }]);
    await until(() => workers[0].heard.some(({ type }) => type === "server"));
    expect(workers[0].heard).toMatchObject([
      { type: "hello", role: "widget", headers: { "X-XSRFToken": "xsrf" } },
      { type: "server", headers: { "X-XSRFToken": "xsrf" } },
    ]);
  });

  test("holds a lock for as long as it lives, under the name that it gives the vault", async () => {
    connected("delivery");
    const hello = await until(() => workers[0]?.heard.find((message) => message.type === "hello"));
    expect(hello).toMatchObject({ role: "delivery" });
    expect(held.has(`oidc-widget:page:${hello.page_id}`)).toBe(true);
  });

  test("whose vault dies connects to a new one, and everybody says again what they want", async () => {
    const client = connected();
    const greeter = vi.fn();
    client.onConnected(greeter);
    const died = await until(() => waiting.get(`oidc-widget:vault:${workers[0]?.id}`));
    died();
    await until(() => workers.length === 2 && greeter.mock.calls.length === 2);
    client.send({ type: "wake" });
    await until(() => workers[1].heard.some(({ type }) => type === "wake"));
    expect(workers[0].heard.some(({ type }) => type === "wake")).toBe(false);
  });

  test.each(["until it has one", "in vain"])(
    "whose browser refuses a new vault while the old one ends asks again: %s",
    async (outcome) => {
      const inVain = outcome === "in vain";
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const client = connected();
        const greeter = vi.fn();
        const said = vi.fn();
        client.onConnected(greeter);
        client.listen(({ type }) => said(type));
        const died = await until(() => waiting.get(`oidc-widget:vault:${workers[0]?.id}`));
        answering = false;
        died();
        await until(() => workers.length === 2);
        for (const pause of [100, 300, 1000]) {
          const before = workers.length;
          workers[before - 1].fail();
          await vi.advanceTimersByTimeAsync(pause - 1);
          expect(workers).toHaveLength(before);
          answering = pause === 1000 && !inVain;
          await vi.advanceTimersByTimeAsync(1);
          expect(workers).toHaveLength(before + 1);
        }
        if (inVain) workers[4].fail();
        await until(() => said.mock.calls.length > 1);
        expect(said.mock.lastCall).toEqual([inVain ? "unavailable" : "welcome"]);
        expect(greeter).toHaveBeenCalledTimes(inVain ? 1 : 2);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  test("that can load no vault says so, with the file's address and what to do", async () => {
    vi.stubGlobal("SharedWorker", undefined);
    const client = connected();
    const said = vi.fn();
    client.listen(said);
    await until(() => said.mock.calls.length > 0);
    const [[{ type, problem }]] = said.mock.calls;
    expect(type).toBe("unavailable");
    expect(problem).toMatchObject({ code: "vault_unavailable", message: expect.stringContaining(HOST.filesUrl) });
    expect(problem.hint).toBeTruthy();
    client.send({ type: "wake" }); // into the void, and no harm done
  });

  test("whose worker fails says so; the vault never moves into a page that could have a worker", async () => {
    answering = false;
    const client = connected();
    const said = vi.fn();
    client.listen(said);
    await until(() => workers.length === 1);
    workers[0].fail();
    await until(() => said.mock.calls.length > 0);
    const { type, problem } = said.mock.calls[0][0];
    expect(type).toBe("unavailable");
    // It may also be that the browser has a worker of this name that was made with other options.
    expect(problem).toMatchObject({ code: "vault_unavailable", message: expect.stringContaining("another version") });
    expect(client.inPage).toBe(false);
  });

  test("whose worker does not answer within 10 s says so", async () => {
    answering = false;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const client = connected();
      const said = vi.fn();
      client.listen(said);
      await until(() => workers.length === 1);
      expect(said).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(said.mock.calls[0][0].problem.message).toContain("did not answer within 10 seconds");
    } finally {
      vi.useRealTimers();
    }
  });

  test("has no lock to name where the browser grants none, and then watches for no crash either", async () => {
    Object.defineProperty(navigator, "locks", {
      configurable: true,
      value: { request: () => Promise.reject(new DOMException("denied", "SecurityError")) },
    });
    const client = connected();
    expect(await client.connect()).toBe(true);
    expect(workers[0].heard[0]).toMatchObject({ type: "hello", page_id: null });
  });

  test("that is refused storage says so before anything is started", async () => {
    vi.spyOn(navigator, "cookieEnabled", "get").mockReturnValue(false);
    const client = connected();
    const said = vi.fn();
    client.listen(said);
    expect(await client.connect()).toBe(false);
    expect(said.mock.calls[0][0].problem).toMatchObject({ code: "storage_refused" });
    expect(workers).toEqual([]);
  });

  test("wakes the vault when it is seen again or online again, and says goodbye", async () => {
    const client = connected();
    const greeter = vi.fn();
    client.onConnected(greeter);
    await until(() => greeter.mock.calls.length > 0);
    const heard = (type: ToVault["type"]) => workers[0].heard.filter((message) => message.type === type).length;
    dispatchEvent(new Event("online"));
    await until(() => heard("wake") === 1);
    document.dispatchEvent(new Event("visibilitychange"));
    await until(() => heard("wake") === 2);
    dispatchEvent(new Event("pagehide"));
    await until(() => heard("bye") === 1);
    // Back from the browser's cache of pages: the vault has forgotten it meanwhile.
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    await until(() => greeter.mock.calls.length === 2);
    await until(() => heard("hello") === 2);
  });
});
