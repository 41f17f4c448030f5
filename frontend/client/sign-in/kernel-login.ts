import type { KernelState } from "./kernel-state.js";
import type { ShownState, SignInControl } from "./sign-in-control.js";

/** What a page asks of a kernel that signs in by itself (RFC 8628). */
export type KernelCommand = "sign_in" | "cancel" | "sign_out" | "paste";

/** Where no window can be opened, the kernel signs in by itself; this page shows how far it is. */
export class KernelLogin implements SignInControl {
  readonly blocked = false;
  readonly canLogOut = false;
  state: ShownState = { status: "signed_out", at: 0 };
  readonly #ask: (command: KernelCommand, address?: string) => void;
  readonly #changed = new Set<() => void>();

  constructor(ask: (command: KernelCommand, address?: string) => void) {
    this.#ask = ask;
  }

  /** What the kernel said of itself. */
  set kernel({ status, account, expires_in, error, device, paste }: KernelState) {
    this.state = {
      status,
      account: account ?? undefined,
      expires_in: expires_in ?? undefined,
      error: error ?? undefined,
      device: device ?? undefined,
      paste: paste ?? undefined,
      at: performance.now(),
    };
    for (const changed of this.#changed) changed();
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

  // Neither a window nor a shared session is on offer here.
  openBlocked(): void {}
  logOut(): void {}
  accept(): void {}
}
