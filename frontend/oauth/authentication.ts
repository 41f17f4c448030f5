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

/** The kinds of sign-in that were asked for: by `acr_values`, else by an essential claim (§5.5.1.1). */
function acrsOf({ acr_values = "", claims }: Record<string, string>): string[] {
  const named = acr_values.split(" ").filter(Boolean);
  if (named.length > 0 || !claims) return named;
  try {
    const { essential, values, value = [] } = JSON.parse(claims).id_token.acr;
    return essential === true ? [values ?? value].flat().map(String) : [];
  } catch {
    return []; // the provider will say what it thinks of that
  }
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
  const wanted = acrsOf(extra_params);
  const { acr } = claims;
  if (wanted.length === 0 || (typeof acr === "string" && wanted.includes(acr))) return undefined;
  return new Failure("acr_mismatch", { wanted: wanted.join(" "), acr: typeof acr === "string" ? acr : undefined });
}
