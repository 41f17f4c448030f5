// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import type { SignInControl } from "../client/sign-in/sign-in-control.js";
import { until } from "../testing/clock.js";
import { readState, type WidgetState } from "./entrance.js";
import { whoSignsIn } from "./who-signs-in.js";

afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const state = (flow: string): WidgetState => {
  const values: Record<string, unknown> = {
    _link_id: "abc",
    _request: { authority: "https://idp.example.com", client_id: "notebooks", scopes: ["openid"], extra_params: {} },
    _options: { auto_refresh: true, share_id_token: false, label: null, flow },
  };
  const read = readState((name) => values[name]);
  if (!read) throw new Error("not a state");
  return read;
};

/** A page of a Jupyter server, whose files are not there. */
function jupyterPage(files = "/lab/extensions"): void {
  const script = document.createElement("script");
  script.id = "jupyter-config-data";
  script.type = "application/json";
  script.textContent = JSON.stringify({ baseUrl: "/", fullLabextensionsUrl: files });
  document.body.append(script);
}

function started(flow: string) {
  const shown: SignInControl[] = [];
  const tell = vi.fn();
  const signsIn = whoSignsIn(state(flow), { kernelId: "k", tell, show: (login) => void shown.push(login) });
  return { signsIn, tell, shown };
}

test("where there is no Jupyter server, the kernel signs in by itself, and is told so", () => {
  const { tell, shown } = started("auto");
  expect(tell.mock.calls).toEqual([["page", { popup: false }]]);
  shown[0].signIn();
  expect(tell).toHaveBeenLastCalledWith("command", { name: "sign_in", address: undefined, page: expect.any(String) });
  expect(shown[0].to?.host).toBe("idp.example.com");
});

test("a widget whose kernel signs in by itself asks nothing of a Jupyter page either", () => {
  jupyterPage();
  const { tell, shown } = started("device");
  expect(shown).toHaveLength(1);
  expect(tell.mock.calls).toEqual([["page", { popup: false }]]);
});

test("a kernel that asks who is there is answered", () => {
  const { signsIn, tell } = started("device");
  tell.mockClear();
  signsIn.follow({ kind: "ping" });
  expect(tell.mock.calls).toEqual([["page", { popup: false }]]);
});

test.each([
  ["auto", true],
  ["popup", false],
])(
  "where the server has no files of ours it is said, and flow=%j decides whether there is another way",
  async (flow, other) => {
    jupyterPage();
    const { signsIn, tell, shown } = started(flow);
    expect(shown).toEqual([]);
    const login = await until(() => shown.at(-1));
    await until(() => login.state.status === "error");
    const { error } = login.state;
    expect(error).toMatchObject({ code: "vault_unavailable", message: expect.stringContaining("static/sign-in.js") });
    expect(tell).toHaveBeenCalledWith("status", { status: "error", error });
    expect(login.withoutWindow !== undefined).toBe(other);
    login.withoutWindow?.();
    expect(tell.mock.calls.some(([event]) => event === "command")).toBe(other);
    signsIn.follow({ kind: "state", status: "signed_in", account: "Alice" });
    expect(login.state).toMatchObject({ status: "signed_in", account: "Alice" });
  },
);

/** A page of Voilà, whose server answers so where our callback would be. */
function voilaPage(answer: Response) {
  jupyterPage("/voila/labextensions");
  const asked = vi.fn(async (_address: string) => answer);
  vi.stubGlobal("fetch", asked);
  return asked;
}

test.each([
  ["refuses", () => new Response(null, { status: 403 })],
  ["sends elsewhere", () => Response.error()],
])("where Voilà is alone and %s, the kernel signs in by itself", async (_, answer) => {
  const asked = voilaPage(answer());
  const { tell, shown } = started("auto");
  const login = await until(() => shown.at(-1));
  expect(asked.mock.calls[0][0]).toBe(`${location.origin}/oidc-widget/callback`);
  expect(login.state.status).toBe("signed_out");
  expect(tell.mock.calls).toEqual([["page", { popup: false }]]);
});

test("where Voilà is alone, a window that was asked for by name is refused", async () => {
  voilaPage(new Response(null, { status: 404 }));
  const { tell, shown } = started("popup");
  const login = await until(() => shown.at(-1));
  await until(() => login.state.status === "error");
  const { error } = login.state;
  expect(error).toMatchObject({ code: "server_unavailable", message: expect.stringContaining("Voilà") });
  expect(tell).toHaveBeenCalledWith("status", { status: "error", error });
  expect(login.withoutWindow).toBeUndefined();
});

test("where Voilà is part of a server with our callback, a window is what is tried", async () => {
  voilaPage(new Response("the callback page"));
  const { shown } = started("auto");
  const login = await until(() => shown.at(-1));
  await until(() => login.state.status === "error"); // the file is in no test's page
  expect(login.state.error?.message).toContain("static/sign-in.js");
});

test("a click that the kernel does not hear of is told within two seconds, until it does", () => {
  vi.useFakeTimers();
  const { signsIn, shown } = started("device");
  const [login] = shown;
  login.signIn();
  vi.advanceTimersByTime(2000);
  expect(login.state).toMatchObject({ status: "error", error: { code: "no_express_lane" } });
  signsIn.follow({ kind: "state", status: "signing_in" });
  expect(login.state).toMatchObject({ status: "signing_in", error: undefined });
});

test("a click that the kernel hears of is not told as unheard", () => {
  vi.useFakeTimers();
  const { signsIn, shown } = started("device");
  shown[0].signIn();
  signsIn.follow({ kind: "state", status: "signing_in" });
  vi.advanceTimersByTime(5000);
  expect(shown[0].state.status).toBe("signing_in");
});
