import type { User } from "@jupyterlab/services";
import type { ISignIns } from "./tokens.js";

/**
 * Whether the person lets terminals of this Jupyter server have access tokens; off until they do. It is kept in this
 * browser, and not among JupyterLab's settings: those are files on the server, where a kernel could write it.
 */
export class TerminalPermission {
  readonly #key: string;
  readonly #changed = new Set<() => void>();
  #allowed: boolean;

  /** @param username who is signed in to the server, since the next person here is not asked again otherwise */
  constructor(baseUrl: string, username: string) {
    this.#key = `oidc-widget terminals ${JSON.stringify([baseUrl, username])}`;
    this.#allowed = this.#read();
    addEventListener("storage", ({ key }) => {
      if (key === this.#key || key === null) this.#take(this.#read());
    });
  }

  get allowed(): boolean {
    return this.#allowed;
  }

  set allowed(allowed: boolean) {
    try {
      if (allowed) localStorage.setItem(this.#key, "allowed");
      else localStorage.removeItem(this.#key);
    } catch {
      // Storage is refused: it holds for this page.
    }
    this.#take(allowed);
  }

  onChange(changed: () => void): void {
    this.#changed.add(changed);
  }

  #read(): boolean {
    try {
      return localStorage.getItem(this.#key) === "allowed";
    } catch {
      return false; // as above
    }
  }

  #take(allowed: boolean): void {
    if (this.#allowed === allowed) return;
    this.#allowed = allowed;
    for (const changed of this.#changed) changed();
  }
}

/** The permission of who is signed in to the server, once that is known. */
export async function terminalPermission(baseUrl: string, user: User.IManager): Promise<TerminalPermission> {
  await user.ready.catch(() => undefined); // a server that does not say: nobody in particular
  return new TerminalPermission(baseUrl, user.identity?.username ?? "");
}

/** Tells the vault of it. A page in which it is on has a vault from its start; one in which it is off does nothing. */
export function followTerminals(signIns: ISignIns, permission: Promise<TerminalPermission>): void {
  signIns.onLines(async ({ delivery }) => {
    const terminals = await permission;
    const tell = () => delivery.send({ type: "terminals", allowed: terminals.allowed });
    terminals.onChange(tell);
    delivery.onConnected(tell);
  });
  const connect = async ({ allowed }: TerminalPermission) => {
    if (allowed) await (await signIns.lines()).delivery.connect();
  };
  void permission.then((terminals) => {
    terminals.onChange(() => void connect(terminals));
    return connect(terminals);
  });
}
