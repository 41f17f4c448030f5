import type { Problem } from "../oauth/errors.js";
import {
  type FromVault,
  holdLock,
  pageLock,
  type Role,
  type ToVault,
  vaultLock,
  vaultOptions,
} from "../vault/messages.js";
import { VERSION } from "../version.js";
import { callCourier } from "./courier-call.js";
import type { JupyterHost } from "./host.js";
import { OIDCError, problemOf } from "./oidc-error.js";

/** `unavailable` comes from this side: no vault can be had in this page. */
export type VaultListener = (message: FromVault | { type: "unavailable"; problem: Problem }) => void;

type Welcome = FromVault & { type: "welcome" };

/** How long a vault may take to answer before this page stops waiting for a SharedWorker, in ms. */
const WELCOME_TIMEOUT = 10_000;

/**
 * A page's line to the vault, once it is told to connect. When the vault dies (a crash, the browser's task manager), a
 * new one is connected and everybody who had something there says it again.
 */
export class VaultClient {
  readonly #host: JupyterHost;
  readonly #role: Role;
  readonly #pageId = pageId();
  readonly #listeners = new Set<VaultListener>();
  readonly #greeters = new Set<() => void>();
  readonly #life = new AbortController();
  #port?: MessagePort;
  #welcomed = false;
  #locked = false;
  #held?: Promise<boolean>;
  #connecting?: Promise<boolean>;

  constructor(host: JupyterHost, role: Role) {
    this.#host = host;
    this.#role = role;
    const { signal } = this.#life;
    addEventListener("pagehide", () => this.send({ type: "bye" }), { signal });
    addEventListener(
      "pageshow",
      (event) => {
        if (!event.persisted) return;
        this.#hello();
        this.#greet();
      },
      { signal },
    );
    addEventListener("online", () => this.send({ type: "wake" }), { signal });
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible") this.send({ type: "wake" });
      },
      { signal },
    );
  }

  /** Whether there is a vault. Where none can be had, listeners are told why, and the next call tries again. */
  connect(): Promise<boolean> {
    this.#held ??= holdLock(pageLock(this.#pageId), this.#life.signal);
    this.#connecting ??= this.#held.then((locked) => {
      this.#locked = locked;
      return this.#connect();
    });
    return this.#connecting;
  }

  /** Says goodbye and lets everything go. */
  dispose(): void {
    this.send({ type: "bye" });
    this.#life.abort();
    this.#port?.close();
    this.#port = undefined;
  }

  send(message: ToVault): void {
    this.#port?.postMessage(message);
  }

  /** Tells the vault how to reach the Jupyter server; its cookie may have changed since. */
  introduceServer(): void {
    this.send({ type: "server", headers: this.#host.headers() });
  }

  listen(listener: VaultListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs now, if there is a vault, and again whenever there is a new one. */
  onConnected(greeter: () => void): () => void {
    this.#greeters.add(greeter);
    if (this.#welcomed) greeter();
    return () => this.#greeters.delete(greeter);
  }

  async #connect(): Promise<boolean> {
    const { signal } = this.#life;
    if (signal.aborted) return false;
    try {
      const [welcome] = await Promise.all([
        this.#reach(new URL("vault.js", this.#host.filesUrl).href),
        this.#role !== "widget" || callCourier(),
      ]);
      if (signal.aborted) return false;
      if (welcome.locked) {
        navigator.locks
          ?.request(vaultLock(welcome.vault_id), { signal }, () => {
            this.#port = undefined;
            this.#welcomed = false;
            this.#connecting = this.#connect();
          })
          .catch(() => undefined); // disposed of
      }
      this.#welcomed = true;
      this.#greet();
      return true;
    } catch (failure) {
      this.#port = undefined;
      this.#connecting = undefined;
      if (signal.aborted) return false;
      for (const listener of this.#listeners) listener({ type: "unavailable", problem: problemOf(failure) });
      return false;
    }
  }

  async #reach(url: string): Promise<Welcome> {
    // Chrome on Android: the same vault, within the page.
    if (typeof SharedWorker === "undefined") return await this.#openInPage(url);
    try {
      const worker = new SharedWorker(url, vaultOptions(VERSION));
      return await this.#open(worker.port, new Promise((_, reject) => worker.addEventListener("error", reject)));
    } catch (cause) {
      throw new OIDCError(
        {
          code: "vault_unavailable",
          message: `The file ${url} can't be started as a SharedWorker, so nobody can sign in here.`,
          hint: "Install oidc-widget also where the Jupyter server runs, then reload the page.",
        },
        cause,
      );
    }
  }

  async #openInPage(url: string): Promise<Welcome> {
    try {
      const { connect } = await import(/* webpackIgnore: true */ url);
      const { port1, port2 } = new MessageChannel();
      connect(port2);
      return await this.#open(port1, new Promise(() => {}));
    } catch (cause) {
      throw new OIDCError(
        {
          code: "vault_unavailable",
          message: `The file ${url} can't be loaded, so nobody can sign in here.`,
          hint: "Install oidc-widget also where the Jupyter server runs, then reload the page.",
        },
        cause,
      );
    }
  }

  #open(port: MessagePort, failed: Promise<never>): Promise<Welcome> {
    const welcomed = new Promise<Welcome>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the vault does not answer")), WELCOME_TIMEOUT);
      port.onmessage = ({ data }: MessageEvent<FromVault>) => {
        if (data.type === "welcome") {
          clearTimeout(timer);
          resolve(data);
        }
        for (const listener of this.#listeners) listener(data);
      };
    });
    this.#port = port;
    this.#hello();
    return Promise.race([welcomed, failed]);
  }

  #hello(): void {
    const page_id = this.#locked ? this.#pageId : null;
    this.send({ type: "hello", page_id, role: this.#role, headers: this.#host.headers() });
  }

  #greet(): void {
    this.introduceServer();
    for (const greeter of this.#greeters) greeter();
  }
}

function pageId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
}
