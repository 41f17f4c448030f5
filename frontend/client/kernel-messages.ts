import type { Problem } from "../oauth/errors.js";
import type { KernelState } from "./sign-in/kernel-state.js";

/** What a kernel says to the pages that show its widget, over the widget's own comm. */
export type FromKernel =
  | { kind: "sign_in" | "sign_out" | "cancel" }
  /** Who is there? Each page tells of itself (`page`) once more. */
  | { kind: "ping" }
  | { kind: "refresh"; id?: string; resource?: string | null; scopes?: string[] | null }
  | { kind: "problem"; problem: Problem; attempt: number }
  | { kind: "diagnose"; id: string }
  /** Is the page of this name on the kernel's machine? Then it reaches this address there. */
  | { kind: "probe"; page: string; address: string }
  | ({ kind: "state" } & KernelState);

/** What a page asks of a kernel that signs in by itself (RFC 8628). */
export type KernelCommand = "sign_in" | "cancel" | "sign_out" | "paste";
