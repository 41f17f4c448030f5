import type { Identity } from "../../oauth/authentication.js";
import type { Problem } from "../../oauth/errors.js";
import { type LoginRequest, type Target, targetKey } from "../../oauth/request.js";

/** An access token and when it ends, on the vault's own clock. */
export interface Access {
  readonly value: string;
  /** `undefined`: the provider does not say. */
  readonly lifetime?: number;
  readonly expires: number;
  /** Counts the tokens of the vault, so that "the same token" can be told without comparing secrets. */
  readonly serial: number;
}

/** The place of one access token, which is renewed time and again. */
export interface Slot {
  readonly key: string;
  /** What to ask for. */
  readonly target: Target;
  /** It is what the sign-in was for; others are for other APIs or other scopes. */
  readonly own?: boolean;
  token?: Access;
  /** The request for the next one; many callers share it. */
  running?: Promise<Access>;
  /** For the refresh, for a further try, or for the end. */
  timer?: number;
  /** The provider does not grant it from this sign-in any more: it ends when it ends. */
  refused?: boolean;
  /** Why there is no fresh token, while there is none or none will come. */
  problem?: Problem;
  /** The token is not quite what was asked for. */
  warning?: Problem;
}

/** Why nobody asks now: not before the provider's own time, or ours. */
export interface Pause {
  /** On the vault's clock. */
  until: number;
  /** Tries in a row that did not get through. */
  attempts: number;
  /** What came of the last of them, for everybody who asks meanwhile. */
  failure: unknown;
}

/** What one sign-in gave: a refresh token, and the access tokens that come from it, by target. */
export interface Grant {
  readonly request: LoginRequest;
  readonly identity?: Identity;
  refreshToken?: string;
  readonly slots: Map<string, Slot>;
  /** Requests with one refresh token run one after the other: a rotated token must never be used twice. */
  queue: Promise<unknown>;
  pause?: Pause;
  /** It has been renewed: whatever the provider says of the refresh token later, it was a good one. */
  renewed?: boolean;
  /** A newer sign-in took its place: it is not used any more, but ended with the rest. */
  replaced?: boolean;
}

/** How many APIs one sign-in has tokens for; a kernel may ask for any number. */
const MOST_SLOTS = 50;

export function createGrant(request: LoginRequest, refreshToken?: string, identity?: Identity): Grant {
  const key = targetKey(request);
  // Its own scopes are what a refresh gives anyway; some providers refuse to see them again.
  const own: Slot = { key, target: { ...request, scopes: [] }, own: true };
  return { request, identity, refreshToken, slots: new Map([[key, own]]), queue: Promise.resolve() };
}

/** The place of the token for this target; made where there is none. */
export function slotOf(grant: Grant, target: Target): Slot {
  const key = targetKey(target);
  const slot = grant.slots.get(key) ?? { key, target };
  grant.slots.set(key, slot);
  const idle = [...grant.slots.values()].find(
    (other) => other !== slot && !other.own && !other.token && !other.running,
  );
  if (grant.slots.size > MOST_SLOTS && idle) grant.slots.delete(idle.key);
  return slot;
}

/** One that was only tried is none. */
export function isKnown(slot?: Slot): boolean {
  return slot?.own === true || slot?.token !== undefined;
}

export function forget(grant: Grant): void {
  grant.refreshToken = undefined;
  for (const slot of grant.slots.values()) slot.token = undefined;
}
