import type { Problem } from "../../oauth/errors.js";
import { type LoginRequest, targetKey } from "../../oauth/request.js";
import type { FromVault, LinkOptions, LinkState, Place, Port, Status } from "../messages.js";
import type { Access, Session } from "../sessions/session.js";
import type { SignIn } from "../sign-in/attempt.js";

/** One widget model that wants a token, however many pages show it. */
export interface Link {
  readonly id: string;
  readonly ports: Set<Port<FromVault>>;
  request: LoginRequest;
  options: LinkOptions;
  readonly forwardTo?: string;

  session?: Session;
  /** A session that it may use once the person agrees. */
  offer?: Session;
  /** Ready to be opened inside a click. */
  prepared?: SignIn;
  /** The last click, until it is cancelled: making an address ready may take a while. */
  click?: object;
  /** Open in a window. */
  begun?: SignIn;
  /** The window seems to be closed: nobody is kept waiting, but an answer still counts. */
  abandoned?: boolean;
  problem?: Problem;
  /** Where the person can sign out at the provider too. */
  logoutUrl?: string;

  /** The kernel that has answered for it. */
  kernelId?: string;
  /** Where a person finds it. */
  place?: Place;
  /** Counts what its kernel was told. */
  seq: number;
  /** The kernel is told of changes only: what it was told last. */
  told: { serial?: number; shown: string };
  /** Its kernel's last question. Every tab that shows a widget passes it on; it is answered once. */
  asked?: string;
}

export function createLink(id: string, request: LoginRequest, options: LinkOptions, forwardTo?: string): Link {
  return {
    id,
    ports: new Set(),
    request,
    options,
    forwardTo,
    seq: 0,
    told: { shown: shownOf({ status: "signed_out" }) },
  };
}

/** A page says again what is wanted; it may be something else by now. */
export function follow(link: Link, request: LoginRequest, options: LinkOptions): void {
  // A row of the sidebar stays one: else a kernel could take its name, and get its token unasked.
  link.options = { ...options, kernel: link.options.kernel };
  if (JSON.stringify(link.request) === JSON.stringify(request)) return;
  link.request = request;
  link.prepared = undefined;
}

/** What was said of the last sign-in is over. */
export function clear(link: Link): void {
  link.problem = undefined;
  link.logoutUrl = undefined;
}

/** Whether there is a kernel that gets the token; a row of the sidebar has none. */
export function isForKernel({ options }: Link): boolean {
  return options.kernel ?? true;
}

export function tokenOf({ session, request }: Link): Access | undefined {
  return session?.token(targetKey(request));
}

export function stateOf(link: Link): LinkState {
  const { session, begun, abandoned, offer, logoutUrl } = link;
  const token = tokenOf(link);
  const waiting = begun && (!abandoned || begun.answered);
  const ended: Status = session ? "expired" : link.problem ? "error" : "signed_out";
  return {
    status: waiting ? "signing_in" : token ? "signed_in" : ended,
    account: session?.account,
    expires_in: token && session?.secondsLeft(token),
    error: link.problem ?? session?.problem,
    offer: offer?.account,
    logout: logoutUrl !== undefined,
  };
}

/** What a kernel can tell apart. */
export function shownOf({ status, error }: LinkState): string {
  return `${status} ${error?.code}`;
}
