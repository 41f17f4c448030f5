import { Failure } from "../../oauth/failure.js";
import type { Access, Grant, Pause } from "./grant.js";

/** Refresh when this part of the lifetime is left; a little earlier or later, so that not all come at once. */
const REFRESH_AT = 0.2;
const JITTER = 0.02;
/** Our own longest pause between two tries, in seconds: who waits for a token is served soon after the provider is back. */
const LONGEST_PAUSE = 10;
/** The longest that a provider may ask us to wait, in seconds. */
const LONGEST_RETRY_AFTER = 3600;

/** How long nobody asks after a try that did not get through: as the provider says, else longer each time. */
export function pauseAfter(failure: unknown, before: Pause | undefined, now: number): Pause {
  const attempts = (before?.attempts ?? 0) + 1;
  const facts = failure instanceof Failure ? failure.facts : undefined;
  const said = facts && "retryAfter" in facts ? facts.retryAfter : undefined;
  const own = Math.min(2 ** (attempts - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 2);
  return { attempts, failure, until: now + Math.min(said ?? own, LONGEST_RETRY_AFTER) };
}

/** Seconds until anybody may ask again. */
export function pauseLeft({ pause }: Grant, now: number): number {
  return pause ? Math.max(0, pause.until - now) : 0;
}

/**
 * Seconds until something is to be done about a token: its refresh, a further try, or its end.
 *
 * @param refreshable whether it is renewed by itself
 * @returns `undefined`: nothing, ever
 */
export function delay(grant: Grant, token: Access | undefined, refreshable: boolean, now: number): number | undefined {
  const rest = token ? token.expires - now : 0;
  if (!refreshable) return token?.lifetime && rest;
  const pause = pauseLeft(grant, now);
  if (grant.pause) return rest > 0 ? Math.min(pause, rest) : pause; // the end is told when it comes, not at the next try
  if (!token) return 0;
  return token.lifetime && rest - token.lifetime * (REFRESH_AT + JITTER * (2 * Math.random() - 1));
}
