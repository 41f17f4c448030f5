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
import type { JupyterHost } from "./host.js";
import { asProblem, OIDCError, problem } from "./problem.js";
import { storageProblem } from "./storage.js";

/** `unavailable` comes from this side: no vault can be had in this page. */
export type VaultListener = (message: FromVault | { type: "unavailable"; problem: Problem }) => void;

type Welcome = FromVault & { type: "welcome" };

/** How long a vault may take to answer before this page says that it does not, in ms. */
const WELCOME_TIMEOUT = 10_000;
/** How long a browser that has just lost a vault is given before it is asked for one again, in ms. */
const PAUSES = [100, 300, 1000];

/**
 * A page's line to the vault, in one role, once it is told to connect. When the vault dies (a crash, the browser's task
 * manager), a new one is connected and everybody who had something there says it again.
 */
export class VaultClient {
  readonly #host: JupyterHost;
  readonly #role: Role;
  readonly #first: () => Promise<unknown>;
  readonly #pageId = pageId();
  readonly #listeners = new Set<VaultListener>();
  readonly #greeters = new Set<() => void>();
  readonly #life = new AbortController();
  #id = "";
  #port?: MessagePort;
  #welcomed = false;
  #held?: Promise<boolean>;
  #locked = false;
  #connecting?: Promise<boolean>;

  /** @param first what must be there before this page says anything to the vault */
  constructor(host: JupyterHost, role: Role, first: () => Promise<unknown> = async () => {}) {
    this.#host = host;
    this.#role = role;
    this.#first = first;
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

  /** Of the vault that this page is connected to. */
  get id(): string {
    return this.#id;
  }

  /** The vault is in this page, where scripts of others run too: the browser has no SharedWorker. */
  get inPage(): boolean {
    return typeof SharedWorker === "undefined";
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

  /** Tells the vault what the Jupyter server asks of requests; its cookie may have changed since. */
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

  /** @param pauses before what failed is tried again */
  async #connect(pauses: readonly number[] = []): Promise<boolean> {
    const { signal } = this.#life;
    if (signal.aborted) return false;
    try {
      const refused = storageProblem();
      if (refused) throw new OIDCError(refused);
      await this.#first();
      const welcome = await this.#reach(new URL("vault.js", this.#host.filesUrl).href, pauses);
      if (signal.aborted) return false;
      this.#id = welcome.vault_id;
      if (welcome.locked) this.#watch(welcome.vault_id);
      this.#welcomed = true;
      this.#greet();
      return true;
    } catch (failure) {
      this.#port?.close();
      this.#port = undefined;
      this.#connecting = undefined;
      if (signal.aborted) return false;
      for (const listener of this.#listeners) listener({ type: "unavailable", problem: asProblem(failure) });
      return false;
    }
  }

  /** Gets the vault's lock when, and only when, the vault is gone. */
  #watch(vaultId: string): void {
    const again = () => {
      this.#port = undefined;
      this.#welcomed = false;
      this.#connecting = this.#connect(PAUSES);
    };
    navigator.locks?.request(vaultLock(vaultId), { signal: this.#life.signal }, again).catch(() => undefined); // disposed of
  }

  /** A browser may refuse a new worker while it is still busy with the end of the one before. */
  async #reach(url: string, [pause, ...more]: readonly number[]): Promise<Welcome> {
    try {
      return await this.#start(url);
    } catch (failure) {
      if (pause === undefined || this.#life.signal.aborted) throw failure;
      this.#port?.close();
      await new Promise((resolve) => setTimeout(resolve, pause));
      return await this.#reach(url, more);
    }
  }

  async #start(url: string): Promise<Welcome> {
    // Only where there are none at all (Chrome on Android): in the page, every script of the page is the vault's peer.
    if (this.inPage) return await this.#openInPage(url);
    const worker = new SharedWorker(url, vaultOptions(VERSION));
    const failed = new Promise<never>((_, reject) => {
      worker.addEventListener("error", (cause) => reject(new OIDCError(notLoaded(url), cause)));
    });
    return await this.#open(worker.port, failed);
  }

  async #openInPage(url: string): Promise<Welcome> {
    let connect: (port: MessagePort) => void;
    try {
      ({ connect } = await import(/* webpackIgnore: true */ url));
    } catch (cause) {
      throw new OIDCError(notLoaded(url), cause);
    }
    const { port1, port2 } = new MessageChannel();
    connect(port2);
    return await this.#open(port1, new Promise(() => {}));
  }

  #open(port: MessagePort, failed: Promise<never>): Promise<Welcome> {
    const welcomed = new Promise<Welcome>((resolve, reject) => {
      const timer = setTimeout(() => reject(new OIDCError(noAnswer())), WELCOME_TIMEOUT);
      port.onmessage = ({ data }: MessageEvent<FromVault>) => {
        if (data.type === "welcome") {
          clearTimeout(timer);
          resolve(data);
        }
        for (const listener of this.#listeners) listener(data);
      };
      failed.catch(() => clearTimeout(timer));
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

const noAnswer = () =>
  problem(
    "vault_unavailable",
    ["The part of oidc-widget that holds sign-ins did not answer within 10 seconds."],
    ["Try again. If that does not help, close all tabs of this Jupyter server and open it anew."],
  );

/** Either the file is not there, or the browser has such a worker already that was made with other options. */
const notLoaded = (url: string) =>
  problem(
    "vault_unavailable",
    ["The file %1, which holds sign-ins, can't be run, or another version of it still runs.", url],
    ["Install oidc-widget also where the Jupyter server runs; then close all its tabs and open it anew."],
  );

function pageId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
}
