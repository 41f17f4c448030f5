import type { Problem } from "../../oauth/errors.js";
import type { KernelCommand } from "../kernel-messages.js";
import type { KernelState } from "./kernel-state.js";
import type { ShownState, SignInControl } from "./sign-in-control.js";

/** Where no window can be opened, the kernel signs in by itself; this page shows how far it is. */
export class KernelLogin implements SignInControl {
  state: ShownState = { status: "signed_out", at: 0 };
  readonly to: SignInControl["to"];
  readonly label: string | null;
  withoutWindow?: () => void;
  readonly #ask: (command: KernelCommand, address?: string) => void;
  readonly #changed = new Set<() => void>();

  constructor(
    ask: (command: KernelCommand, address?: string) => void,
    { host, label = null }: { host?: string; label?: string | null } = {},
  ) {
    this.#ask = ask;
    this.to = { host, configured: false };
    this.label = label;
  }

  /** What the kernel said of itself. */
  set kernel({ status, account, expires_in, renewed, error, device, paste }: KernelState) {
    this.state = {
      status,
      account: account ?? undefined,
      expires_in: expires_in ?? undefined,
      renewed: renewed ?? false,
      error: error ?? undefined,
      device: device ?? undefined,
      paste: paste ?? undefined,
      at: performance.now(),
    };
    this.#notify();
  }

  /** Says why this page can't open a window. @param either the kernel signs in by itself, if the person wants it to */
  fail(error: Problem, either: boolean): void {
    this.state = { status: "error", error, at: performance.now() };
    this.withoutWindow = either ? () => this.signIn() : undefined;
    this.#notify();
  }

  onChange(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  signIn(): void {
    this.#ask("sign_in");
  }

  cancel(): void {
    this.#ask("cancel");
  }

  signOut(): void {
    this.#ask("sign_out");
  }

  paste(address: string): void {
    this.#ask("paste", address);
  }

  #notify(): void {
    for (const changed of this.#changed) changed();
  }
}
