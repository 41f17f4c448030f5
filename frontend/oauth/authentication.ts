/** How and when a person signed in, and whether that is what was asked for (OpenID Connect Core §3.1.2.1, §3.1.3.7). */
import type { IDToken } from "oauth4webapi";
import { Failure } from "./failure.js";

/** Seconds by which an `auth_time` may be older than was asked for: clocks are whole seconds, and answers travel. */
const LEEWAY = 5;

/** Who signed in, and how far that clock was off: what later ID tokens of the same sign-in are held against. */
export interface Identity {
  claims: IDToken;
  nonce: string;
  /** Seconds that the provider's clock is ahead of ours. */
  skew: number;
}

/** `max_age` of a request in seconds; `undefined`: none was asked for. */
export function maxAgeOf({ max_age }: Record<string, string>): number | undefined {
  if (max_age === undefined) return undefined;
  if (!/^\d+$/.test(max_age)) throw new Failure("invalid_configuration", { parameter: "max_age", value: max_age });
  return Number(max_age);
}

/** Whether the person signed in no longer ago than that, at this moment of the provider's clock. */
export function isRecent(auth_time: unknown, maxAge: number, now: number, leeway = 0): boolean {
  return typeof auth_time === "number" && auth_time + maxAge + leeway >= now;
}

/** Whether the sign-in was of one of the kinds that were asked for. */
export function hasAcr(acr: unknown, acr_values: string): boolean {
  return typeof acr === "string" && acr_values.split(" ").includes(acr);
}

/**
 * What was asked of the sign-in itself is held against the moment when the person was sent, since consent may take a
 * while.
 *
 * @returns what is wrong with it
 */
export function authenticationFailure(
  { claims, skew }: Identity,
  extra_params: Record<string, string>,
  sentAt: number,
): Failure | undefined {
  const maxAge = maxAgeOf(extra_params);
  if (maxAge !== undefined && !isRecent(claims.auth_time, maxAge, sentAt + skew, LEEWAY)) {
    return new Failure("id_token_invalid", { claim: "auth_time" });
  }
  const { acr_values } = extra_params;
  if (!acr_values || hasAcr(claims.acr, acr_values)) return undefined;
  const { acr } = claims;
  return new Failure("acr_mismatch", { wanted: acr_values, acr: typeof acr === "string" ? acr : undefined });
}
