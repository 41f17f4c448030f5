import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { diagnose } from "../client/diagnose.js";
import { jupyterHost } from "../client/host.js";
import { completeRequest, fetchProviders, type Wanted } from "../client/providers.js";
import { KernelLogin } from "../client/sign-in/kernel-login.js";
import type { KernelState } from "../client/sign-in/kernel-state.js";
import { Login } from "../client/sign-in/vault-login.js";
import { VaultClient } from "../client/vault-client.js";
import type { Problem } from "../oauth/errors.js";
import type { LoginRequest } from "../oauth/request.js";
import { View } from "../view/line.js";

/** The synced state: what was asked for, and nothing secret. */
interface State {
  _link_id: string;
  _request: Wanted;
  _options: { auto_refresh: boolean; share_id_token: boolean; label: string | null; flow: "auto" | "popup" | "device" };
}

type FromKernel =
  | { kind: "sign_in" | "sign_out" | "cancel" }
  /** Who is there? Each page tells of itself once more. */
  | { kind: "ping" }
  | { kind: "refresh"; id?: string; resource?: string | null; scopes?: string[] | null }
  | { kind: "problem"; problem: Problem; attempt: number }
  | { kind: "diagnose"; id: string }
  | ({ kind: "state" } & KernelState);

interface Entry {
  login: Login | KernelLogin;
  label: string | null;
  views: Set<View>;
}

/** By link; a model's `initialize` and `render` get different proxies of it. */
const entries = new Map<string, Entry>();

/** Runs once per model in every page, also for outputs that are not on screen. It waits for nothing. */
const initialize: Initialize<State> = ({ model }) => {
  const id = model.get("_link_id");
  // One by one: this state comes from a kernel, which must not set what is not its own to set.
  const { label, flow, auto_refresh, share_id_token } = model.get("_options");
  const host = flow === "device" ? null : jupyterHost();
  const views = new Set<View>();
  const tell = (event: string, payload: object) => model.send({ link_id: id, event, payload });
  let login: Login | KernelLogin;
  let linked: LoginRequest | undefined;
  let announce = () => {};
  let letGo = () => {};
  let report = (facts: Record<string, unknown>) => tell("facts", facts);
  if (host) {
    const vault = new VaultClient(host);
    void vault.connect();
    const windowed = new Login(
      vault,
      id,
      async () => completeRequest(model.get("_request"), await fetchProviders(host), host),
      { auto_refresh, share_id_token, label },
    );
    windowed.onLinked = ({ request, label: configured }) => {
      linked = request;
      announce = () => windowed.tellKernel({ redirect_uri: request.redirect_uri, popup: true });
      announce();
      entry.label ??= configured ?? null;
      for (const view of views) view.label = entry.label;
    };
    windowed.onStalled = (attempt, request) => tell("explain", { attempt, request, label: entry.label });
    windowed.onFailed = (error) => tell("status", { status: "error", error });
    windowed.onDeliver = ({ event, payload }) => tell(event, payload);
    report = (facts) => windowed.tellKernel(facts, "facts");
    letGo = () => {
      windowed.dispose();
      vault.dispose();
    };
    login = windowed;
  } else {
    login = new KernelLogin((name, address) => tell("command", { name, address }));
    announce = () => tell("page", { popup: false });
    announce();
  }
  const entry: Entry = { login, label, views };
  entries.set(id, entry);
  const receive = (message: FromKernel) => {
    if (message.kind === "ping") announce();
    else if (message.kind !== "diagnose") follow(login, message);
    else void diagnose(host, linked).then((facts) => report({ id: message.id, ...facts }));
  };
  model.on("msg:custom", receive);
  return () => {
    model.off("msg:custom", receive);
    entries.delete(id);
    letGo();
  };
};

function follow(login: Login | KernelLogin, message: Exclude<FromKernel, { kind: "diagnose" | "ping" }>): void {
  if (message.kind === "state") {
    login.kernel = message;
    return;
  }
  // Where the kernel signs in by itself, it has nothing to ask of this page.
  if (!(login instanceof Login)) return;
  switch (message.kind) {
    case "sign_in":
      login.signIn();
      return;
    case "sign_out":
      login.signOut();
      return;
    case "cancel":
      login.cancel();
      return;
    case "problem":
      login.explain(message.problem, message.attempt);
      return;
    case "refresh":
      login.refresh(message);
      return;
  }
}

const render: Render<State> = ({ model, el }: { model: AnyModel<State>; el: HTMLElement }) => {
  const entry = entries.get(model.get("_link_id"));
  if (!entry) return;
  const view = new View(el, entry.login, { label: entry.label });
  entry.views.add(view);
  return () => {
    entry.views.delete(view);
    view.dispose();
  };
};

export default { initialize, render };
