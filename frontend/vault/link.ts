import type { Problem } from "../protocol/errors.js";
import { type LoginRequest, targetKey } from "../protocol/request.js";
import type { FromVault, LinkOptions, LinkState, Place, Port, Status } from "./messages.js";
import { type Access, finite, type Session } from "./session.js";
import type { SignIn } from "./sign-in.js";

/** One widget model that wants a token, however many pages show it. */
export class Link {
  readonly id: string;
  readonly ports = new Set<Port<FromVault>>();
  request: LoginRequest;
  options: LinkOptions;
  readonly forwardTo?: string;

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
  /** Where the person can sign out at the provider too. */
  logoutUrl?: string;

  /** The kernel that has answered for it. */
  kernelId?: string;
  /** Where a person finds it. */
  place?: Place;
  /** The kernel is told of changes only: what it was told last. */
  told: { status: Status; serial?: number; code?: string } = { status: "signed_out" };
  #seq = 0;
  #lastAsked = "";

  constructor(id: string, request: LoginRequest, options: LinkOptions, forwardTo?: string) {
    this.id = id;
    this.request = request;
    this.options = options;
    this.forwardTo = forwardTo;
  }

  /** A page says again what is wanted; it may be something else by now. */
  follow(request: LoginRequest, options: LinkOptions): void {
    // A row of the sidebar stays one: else a kernel could take its name, and get its token unasked.
    this.options = { ...options, kernel: this.options.kernel };
    if (JSON.stringify(this.request) === JSON.stringify(request)) return;
    this.request = request;
    this.prepared = undefined;
  }

  /** Whether there is a kernel that gets the token; a row of the sidebar has none. */
  get forKernel(): boolean {
    return this.options.kernel ?? true;
  }

  get key(): string {
    return targetKey(this.request);
  }

  get token(): Access | undefined {
    return this.session?.token(this.key);
  }

  get status(): Status {
    if (this.begun && (!this.abandoned || this.begun.answered)) return "signing_in";
    if (this.token) return "signed_in";
    if (this.session) return "expired";
    return this.problem ? "error" : "signed_out";
  }

  get state(): LinkState {
    const { session, token, offer } = this;
    return {
      status: this.status,
      account: session?.account,
      expires_in: session && token && finite(session.secondsLeft(token)),
      error: this.problem ?? session?.problem,
      offer: offer?.account,
      logout: this.logoutUrl !== undefined,
    };
  }

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  /** Every tab that shows a widget passes a kernel's question on; it is answered once. */
  isNew(question: string): boolean {
    const fresh = question !== this.#lastAsked;
    this.#lastAsked = question;
    return fresh;
  }
}
