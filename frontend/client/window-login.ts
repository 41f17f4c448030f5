/**
 * What a widget loads where it finds our files on its Jupyter server: it lies beside the vault and is of one version with
 * it, so that only this end knows what the vault is told. Elsewhere (VS Code, Colab) nobody needs it.
 */
import type { Facts } from "./diagnose.js";
import { diagnose } from "./diagnose.js";
import type { JupyterHost } from "./host.js";
import type { FromKernel } from "./kernel-messages.js";
import { type LinkSetup, VaultLogin } from "./sign-in/vault-login.js";
import { storageProblem } from "./storage.js";
import { VaultClient } from "./vault-client.js";

/** Why no window can be opened whose answer would come back to this page. */
export const obstacle = storageProblem;

/** How long the vault may take to find the provider out before a diagnosis goes on without, in ms. */
const PATIENCE = 4000;

export interface WindowLogin {
  readonly login: VaultLogin;
  /** What the kernel says, and asks of this page. */
  follow(message: FromKernel): void;
  dispose(gone?: boolean): void;
}

/**
 * @param tell sends an event to the kernel by the widget's own comm
 * @param deliver the labextension's, if this page has one: ends when it can bring messages to kernels
 */
export function startWindowLogin(
  host: JupyterHost,
  id: string,
  setup: LinkSetup,
  tell: (event: string, payload: object) => void,
  deliver?: () => Promise<unknown>,
): WindowLogin {
  const vault = new VaultClient(host, "widget", deliver);
  void vault.connect();
  const login = new VaultLogin(vault, id, setup);
  /** At once, and again with the address: a provider that can't be found out must not make the page unheard. */
  const announce = () => login.tellKernel({ popup: true, redirect_uri: login.linked?.redirect_uri });
  vault.onConnected(announce);
  login.onLinked = announce;
  login.onStalled = (attempt, request) => tell("explain", { attempt, request, label: login.to?.label });
  login.onFailed = (error) => tell("status", { status: "error", error });
  login.onDeliver = ({ event, payload }) => tell(event, payload);

  function follow(message: FromKernel): void {
    switch (message.kind) {
      case "state":
        login.kernel = message;
        return;
      case "sign_in":
        login.ask();
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
      case "ping":
        announce();
        void vault.connect(); // where there is none, `onFailed` tells why
        return;
      case "probe":
        return; // the window is this page's
      case "diagnose":
        void found(login)
          .then(() => diagnose(host, login.linked?.request ?? setup.wanted))
          .then((facts: Facts) => {
            // Where there is no vault, the comm is the way.
            if (vault.id) login.tellKernel({ ...facts, id: message.id }, "facts");
            else tell("facts", { ...facts, id: message.id });
          });
        return;
    }
  }

  return {
    login,
    follow,
    dispose(gone) {
      login.dispose(gone);
      vault.dispose();
    },
  };
}

function found(login: VaultLogin): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!login.linked && login.state.status !== "error" && !late) return;
      clearTimeout(timer);
      stop();
      resolve();
    };
    let late = false;
    const stop = login.onChange(look);
    const timer = setTimeout(() => {
      late = true;
      look();
    }, PATIENCE);
    look();
  });
}
