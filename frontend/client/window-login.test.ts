// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { until } from "../testing/clock.js";
import { wanted } from "../testing/page.js";
import type { FromVault, LinkedTo, ToVault } from "../vault/messages.js";
import type { JupyterHost } from "./host.js";
import { startWindowLogin, type WindowLogin } from "./window-login.js";

const HOST: JupyterHost = {
  baseUrl: "/",
  filesUrl: "http://localhost:3000/lab/extensions/oidc-widget/static/",
  headers: () => ({}),
};
const TO = { redirect_uri: "http://localhost:3000/oidc-widget/callback/x", host: "x", configured: false } as LinkedTo;

/** What workers were told. */
let heard: ToVault[];
let login: WindowLogin | undefined;

afterEach(() => login?.dispose());

function started({ works = true, knows = true } = {}) {
  heard = [];
  vi.stubGlobal(
    "SharedWorker",
    class extends EventTarget {
      readonly port: MessagePort;
      constructor() {
        super();
        const { port1, port2 } = new MessageChannel();
        this.port = port1;
        const say = (message: FromVault) => port2.postMessage(message);
        if (!works) setTimeout(() => this.dispatchEvent(new Event("error")));
        port2.onmessage = ({ data }: MessageEvent<ToVault>) => {
          heard.push(data);
          if (data.type === "hello" && works) say({ type: "welcome", vault_id: "v", locked: false });
          if (data.type === "link" && knows) say({ type: "linked", link_id: data.link_id, ...TO });
        };
      }
    },
  );
  const tell = vi.fn();
  const options = { auto_refresh: true, share_id_token: false };
  login = startWindowLogin(HOST, "abc", { wanted: wanted(), options, kernel_id: "k" }, tell);
  const told = () => heard.filter((message) => message.type === "tell_kernel");
  return { login, tell, told };
}

const page = (redirect_uri?: string) => ({
  type: "tell_kernel",
  link_id: "abc",
  event: "page",
  payload: { redirect_uri, popup: true },
});

test("a kernel is told of its page at once, of the address as soon as it is known, and again when it asks", async () => {
  const { login, told } = started();
  await until(() => told().length === 2);
  login.follow({ kind: "ping" });
  await until(() => told().length === 3);
  expect(told()).toEqual([page(), page(TO.redirect_uri), page(TO.redirect_uri)]);
  expect(heard.map(({ type }) => type).indexOf("link")).toBeLessThan(
    heard.findIndex(({ type }) => type === "tell_kernel"),
  );
});

test("a page whose provider can't be found out answers all the same, and looks at what was asked for", async () => {
  const asked = vi.fn(async () => new Response(null, { status: 404 }));
  vi.stubGlobal("fetch", asked);
  vi.stubGlobal("isSecureContext", true); // jsdom has none
  const { login, told } = started({ knows: false });
  await until(() => told().length === 1);
  login.follow({ kind: "ping" });
  login.follow({ kind: "diagnose", id: "question" });
  await until(() => told().length === 3);
  expect(told().slice(0, 2)).toEqual([page(), page()]);
  const facts = { id: "question", request: wanted(), readable: { discovery: false } };
  expect(told()[2]).toMatchObject({ event: "facts", payload: facts });
});

test("a page that diagnoses reads no more of a provider's document than 1 MB", async () => {
  let chunks = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          chunks += 1;
          controller.enqueue(new TextEncoder().encode(`{"a":"${"x".repeat(100_000)}"},`));
          if (chunks > 100) controller.close();
        },
      }),
      { headers: { "content-type": "application/json" } },
    );
  vi.stubGlobal("isSecureContext", true); // jsdom has none
  vi.stubGlobal(
    "fetch",
    vi.fn(async (address) =>
      String(address).includes("openid-configuration") ? endless() : new Response(null, { status: 404 }),
    ),
  );
  const { login, told } = started();
  await until(() => told().length === 2);
  login.follow({ kind: "diagnose", id: "question" });
  await until(() => told().length === 3);
  expect(told()[2]).toMatchObject({ payload: { readable: { discovery: false } } });
  expect(chunks).toBeLessThan(20);
});

test("a page that has no vault tells why, each time that its kernel asks", async () => {
  const { login, tell } = started({ works: false });
  await until(() => tell.mock.calls.length === 1);
  login.follow({ kind: "ping" });
  await until(() => tell.mock.calls.length === 2);
  const error = expect.objectContaining({ code: "vault_unavailable" });
  expect(tell.mock.calls).toEqual(Array(2).fill(["status", { status: "error", error }]));
});
