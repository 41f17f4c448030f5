import type { LinkState, Status } from "../messages.js";
import { keyOf, type Link, tokenOf } from "./link.js";

export function stateOf(link: Link): LinkState {
  const { session, begun, abandoned, offer, logoutUrl } = link;
  const token = tokenOf(link);
  const key = keyOf(link) ?? "";
  const waiting = begun && (!abandoned || begun.answered);
  const ended: Status = session ? "expired" : link.problem ? "error" : "signed_out";
  return {
    status: waiting ? "signing_in" : token ? "signed_in" : ended,
    account: session?.account,
    expires_in: token && session?.secondsLeft(token),
    renewed: token && session?.renews(key),
    ended_by_provider: session?.over && session.endedByProvider,
    error: link.problem ?? session?.problem(key),
    warning: token && session?.warning(key),
    offer: offer?.account,
    same_person: !session && link.anew && link.samePerson,
    logout: logoutUrl !== undefined,
  };
}

/** What a kernel can tell apart. */
export function shownOf({ status, error, warning }: LinkState): string {
  return `${status} ${error?.code} ${warning?.code}`;
}
