import type { Problem } from "../../oauth/errors.js";
import type { Status } from "../../vault/messages.js";

/** What the kernel says of itself; it outlives the vault (a reloaded page), and it may sign in by other means. */
export interface KernelState {
  status: Status;
  account?: string | null;
  expires_in?: number | null;
  /** The token is renewed by itself, and how long it lives is not said each time. */
  renewed?: boolean | null;
  error?: Problem | null;
  /** RFC 8628 §3.2: what to show of a sign-in that goes on elsewhere. */
  device?: {
    user_code: string;
    verification_uri: string;
    verification_uri_complete?: string | null;
    qr_svg?: string | null;
  } | null;
  /** A sign-in by hand: the link to open, and where the person lands, whose address comes back. */
  paste?: { authorization_url: string; redirect_uri: string } | null;
}
