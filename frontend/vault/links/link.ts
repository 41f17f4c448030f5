import type { Problem } from "../../oauth/errors.js";
import { type LoginRequest, targetKey } from "../../oauth/request.js";
import type { FromVault, LinkedTo, LinkOptions, Place, Port, Wanted } from "../messages.js";
import type { Access } from "../sessions/grant.js";
import type { Session } from "../sessions/session.js";
import type { SignIn } from "../sign-in/attempt.js";

/** One widget model that wants a token, or one row of the sidebar, however many pages show it. */
export interface Link {
  /** What its pages and its kernel call it. The vault knows it by {@link linkKey}. */
  readonly id: string;
  readonly key: string;
  /** Its tokens go to a kernel; a row of the sidebar has none. */
  readonly forKernel: boolean;
  /** The kernel that made it, and the only one that gets its tokens. */
  readonly kernelId?: string;
  readonly ports: Set<Port<FromVault>>;
  wanted: Wanted;
  account?: string | null;
  options: LinkOptions;

  /** What is wanted, with the configuration filled in, once that is known. */
  request?: LoginRequest;
  /** Where it signs in, as its pages were told. */
  linkedTo?: LinkedTo;
  session?: Session;
  /** A session that it may use once the person agrees. */
  offer?: Session;
  /** Ready to be opened inside a click. */
  prepared?: SignIn;
  /** The one before it, which a window may have been opened with just now. */
  replaced?: SignIn;
  /** The last click, until it is cancelled: making an address ready may take a while. */
  click?: object;
  /** Open in a window. */
  begun?: SignIn;
  /** The window seems to be closed: nobody is kept waiting, but an answer still counts. */
  abandoned?: boolean;
  problem?: Problem;
  /** Signed out here: the next sign-in asks who it is, where the provider can be asked to. */
  anew?: boolean;
  /** It can't. */
  samePerson?: boolean;
  /** Where the person can sign out at the provider too. */
  logoutUrl?: string;

  /** Its kernel has taken a message. */
  reached: boolean;
  /** Where a person finds it. */
  place?: Place;
  /** Of the last message to its kernel. */
  seq: number;
  /** Its kernel has taken the last message; `false`: that one is on its way, or lost. */
  heard?: boolean;
  /** The kernel is told of changes only: what it was told last. */
  told: { serial?: number; shown: string };
  /** Its kernel's last question. Every tab that shows a widget passes it on; it is answered once. */
  asked?: string;
}

/** No token's serial number. */
const NEVER = -1;

/**
 * What the vault knows a link by: nothing that a kernel chooses can name another kernel's, or a row of the sidebar.
 *
 * @param owner the kernel, or (where the page can't tell it) the port
 */
export function linkKey(forKernel: boolean, owner: string | number | undefined, id: string): string {
  return JSON.stringify(forKernel ? ["widget", owner, id] : ["sidebar", id]);
}

type Fixed = Pick<Link, "id" | "key" | "forKernel" | "kernelId" | "wanted" | "account" | "options">;

export function createLink(fixed: Fixed): Link {
  return { ...fixed, ports: new Set(), reached: false, seq: 0, told: { shown: "signed_out undefined undefined" } };
}

/** A page says again what is wanted; returns whether it is something else by now. */
export function follow(
  link: Link,
  { wanted, account, options }: Pick<Link, "wanted" | "account" | "options">,
): boolean {
  link.options = options;
  if (JSON.stringify([link.wanted, link.account]) === JSON.stringify([wanted, account])) return false;
  link.wanted = wanted;
  link.account = account;
  link.request = undefined;
  link.prepared = undefined;
  link.replaced = undefined;
  link.linkedTo = undefined;
  return true;
}

/** What was said of the last sign-in is over. */
export function clear(link: Link): void {
  link.problem = undefined;
  link.logoutUrl = undefined;
}

/** Its kernel is told again what it was told last. */
export function forgetTold(link: Link): void {
  link.told = { serial: link.told.serial && NEVER, shown: "" };
}

export function keyOf({ request }: Link): string | undefined {
  return request && targetKey(request);
}

export function tokenOf(link: Link): Access | undefined {
  const key = keyOf(link);
  return key === undefined ? undefined : link.session?.token(key);
}
