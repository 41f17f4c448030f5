import { plainFacts } from "../client/diagnose.js";
import { hasCallback, type JupyterHost, jupyterHost } from "../client/host.js";
import type { FromKernel } from "../client/kernel-messages.js";
import { problem } from "../client/problem.js";
import { hostOf } from "../client/provider-address.js";
import { KernelLogin } from "../client/sign-in/kernel-login.js";
import type { SignInControl } from "../client/sign-in/sign-in-control.js";
import type { Problem } from "../oauth/errors.js";
import type { WidgetState } from "./entrance.js";

/** What this page is called among those that show the same widget. */
const PAGE = Math.random().toString(36).slice(2);

/** A widget's surroundings. */
export interface Surroundings {
  kernelId: string | null;
  /** Sends an event to the kernel by the widget's own comm. */
  tell: (event: string, payload: object) => void;
  /** The labextension's, if this page has one: ends when it can bring messages to kernels. */
  deliver?: () => Promise<unknown>;
  /** Somebody signs in from now on. */
  show: (login: SignInControl) => void;
}

export interface SignsIn {
  follow(message: FromKernel): void;
  /** @param gone the kernel was started anew, and knows nothing of this widget any more */
  dispose(gone?: boolean): void;
}

/** A window of this page where there is a Jupyter server with our files; else the kernel by itself. */
export function whoSignsIn(state: WidgetState, around: Surroundings): SignsIn {
  const host = state.alone ? null : jupyterHost();
  if (!host) return kernelSignsIn(state, around);
  const early: FromKernel[] = [];
  let disposed = false;
  let now: SignsIn = { follow: (message) => void early.push(message), dispose() {} };
  const take = (next: SignsIn) => {
    now = next;
    if (disposed) now.dispose();
    else for (const message of early) now.follow(message);
  };
  const begin = async () => {
    if (!(await hasCallback(host))) {
      take(state.either ? kernelSignsIn(state, around) : refused(noCallback(), state, around));
      return;
    }
    const files: typeof import("../client/window-login.js") = await import(fileOf(host));
    const obstacle = files.obstacle();
    if (obstacle) {
      take(refused(obstacle, state, around));
      return;
    }
    const { id, wanted, options } = state;
    const setup = { wanted, options, kernel_id: around.kernelId };
    const started = files.startWindowLogin(host, id, setup, around.tell, around.deliver);
    if (state.either) {
      started.login.withoutWindow = () => {
        started.dispose();
        const kernel = kernelSignsIn(state, around);
        now = kernel;
        kernel.login.signIn();
      };
    }
    if (!disposed) around.show(started.login);
    take(started);
  };
  begin().catch((cause) => take(refused(notThere(host, cause), state, around)));
  return {
    follow: (message) => now.follow(message),
    dispose(gone) {
      disposed = true;
      now.dispose(gone);
    },
  };
}

const fileOf = ({ filesUrl }: JupyterHost) => `${filesUrl}sign-in.js`;

/** @param refusal why no window can come back to this page, where that is worth a word */
function kernelSignsIn(state: WidgetState, { tell, show }: Surroundings, refusal?: Problem) {
  const { authority } = state.wanted;
  const login = new KernelLogin((name, address) => tell("command", { name, address, page: PAGE }), {
    host: authority === null ? undefined : hostOf(authority),
    label: state.options.label,
  });
  if (refusal) login.fail(refusal, state.either);
  const storage = refusal?.code === "storage_refused" ? refusal.message : undefined;
  const announce = () => tell("page", { popup: false });
  show(login);
  announce();
  return {
    login,
    follow(message: FromKernel) {
      if (message.kind === "state") login.kernel = message;
      else if (message.kind === "ping") announce();
      else if (message.kind === "probe") probe(message);
      // The rest is for a page that signs in.
      else if (message.kind === "diagnose") tell("facts", { ...plainFacts(), storage, id: message.id });
    },
    dispose() {},
  };
}

/** Where the page and the kernel are on one machine, the kernel may open its browser: it hears of that by itself. */
function probe({ page, address }: { page: string; address: string }): void {
  if (page === PAGE) fetch(address, { mode: "no-cors", credentials: "omit" }).catch(() => {});
}

/** No window can come back to this page. */
function refused(error: Problem, state: WidgetState, around: Surroundings): SignsIn {
  around.tell("status", { status: "error", error });
  return kernelSignsIn(state, around, error);
}

/** The page is Jupyter's, but its server has no oidc-widget, or another version of it. */
const notThere = (host: JupyterHost, cause: unknown) =>
  problem(
    "vault_unavailable",
    ["The file %1 can't be loaded (%2), so no sign-in window can be opened here.", fileOf(host), (cause as Error).name],
    ["Install oidc-widget also where the Jupyter server runs, then reload the page."],
  );

const noCallback = () =>
  problem(
    "server_unavailable",
    ["Voilà runs as a server of its own here, to which no sign-in window can come back."],
    [
      'Open the notebook at /voila/render/… of a Jupyter server that has oidc-widget, or use flow="auto" or flow="device".',
    ],
  );
