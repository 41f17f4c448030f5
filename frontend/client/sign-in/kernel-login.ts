import type { Problem } from "../../oauth/errors.js";
import type { KernelCommand } from "../kernel-messages.js";
import { problem } from "../problem.js";
import type { KernelState } from "./kernel-state.js";
import type { ShownState, SignInControl } from "./sign-in-control.js";

/** How long a click may go unanswered before somebody says so, in ms. */
const PATIENCE = 1500;

/** Where no window can be opened, the kernel signs in by itself; this page shows how far it is. */
export class KernelLogin implements SignInControl {
  state: ShownState = { status: "signed_out", at: 0 };
  readonly to: SignInControl["to"];
  readonly label: string | null;
  withoutWindow?: () => void;
  /** What the kernel knows of it is in English. */
  #refusal?: Problem;
  readonly #ask: (command: KernelCommand, address?: string) => void;
  readonly #changed = new Set<() => void>();
  #unanswered?: ReturnType<typeof setTimeout>;

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
    clearTimeout(this.#unanswered);
    this.state = {
      status,
      account: account ?? undefined,
      // It does not say of each renewal how long the token lives, but of one that failed.
      expires_in: renewed && !error ? undefined : (expires_in ?? undefined),
      renewed: renewed ?? false,
      error: error?.code === this.#refusal?.code ? this.#refusal : (error ?? undefined),
      device: device ?? undefined,
      paste: paste ?? undefined,
      at: performance.now(),
    };
    this.#notify();
  }

  /** Says why this page can't open a window. @param either the kernel signs in by itself, if the person wants it to */
  fail(error: Problem, either: boolean): void {
    this.withoutWindow = either ? () => this.signIn() : undefined;
    this.#refusal = error;
    this.#say(error);
  }

  onChange(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  signIn(): void {
    this.#ask("sign_in");
    clearTimeout(this.#unanswered);
    this.#unanswered = setTimeout(() => this.#say(noAnswer()), PATIENCE);
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

  #say(error: Problem): void {
    this.state = { status: "error", error, at: performance.now() };
    this.#notify();
  }

  #notify(): void {
    for (const changed of this.#changed) changed();
  }
}

const noAnswer = () =>
  problem(
    "no_express_lane",
    ["The kernel has not heard this click yet: it runs a cell, or it has ended."],
    [
      "Wait for the cell's end: then the sign-in begins by itself. If nothing runs, restart the kernel, or reload the page.",
    ],
  );
