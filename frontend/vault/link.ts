import type { Problem } from "../protocol/errors.js";
import { type LoginRequest, targetKey } from "../protocol/request.js";
import type { FromVault, LinkOptions, LinkState, Port, Status } from "./messages.js";
import type { Access, Session } from "./session.js";
import type { SignIn } from "./sign-in.js";

/** One widget model that wants a token, however many pages show it. */
export class Link {
  readonly id: string;
  readonly ports = new Set<Port<FromVault>>();
  request: LoginRequest;
  options: LinkOptions;
  forwardTo?: string;

  session?: Session;
  /** A session that it may use once the person agrees. */
  offer?: Session;
  /** Ready to be opened inside a click. */
  prepared?: SignIn;
  /** Open in a window. */
  begun?: SignIn;
  /** The window seems to be closed: nobody is kept waiting, but an answer still counts. */
  abandoned = false;
  problem?: Problem;

  /** Where its kernel was found. */
  kernelId?: string;
  path?: string;
  kernelName?: string;

  /** The kernel is told of changes only: what it was told last. */
  told: { status: Status; serial?: number; code?: string } = { status: "signed_out" };
  #seq = 0;

  constructor(id: string, request: LoginRequest, options: LinkOptions, forwardTo?: string) {
    this.id = id;
    this.request = request;
    this.options = options;
    this.forwardTo = forwardTo;
  }

  get key(): string {
    return targetKey(this.request);
  }

  get token(): Access | undefined {
    return this.session?.token(this.key);
  }

  get status(): Status {
    if (this.begun && !this.abandoned) return "signing_in";
    if (this.token) return "signed_in";
    if (this.session) return "expired";
    return this.problem ? "error" : "signed_out";
  }

  get state(): LinkState {
    const { session, token, offer } = this;
    const left = session && token ? session.secondsLeft(token) : Number.NaN;
    return {
      status: this.status,
      account: session?.account,
      session_id: session?.id,
      expires_in: Number.isFinite(left) ? left : undefined,
      error: this.problem ?? session?.problem,
      can_log_out: session?.provider.metadata.end_session_endpoint !== undefined,
      offer: offer && { session_id: offer.id, account: offer.account },
    };
  }

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
