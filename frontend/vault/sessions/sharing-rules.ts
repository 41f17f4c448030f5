import { hasAcr, isRecent, maxAgeOf } from "../../oauth/authentication.js";
import { sameAuthority } from "../../oauth/authority.js";
import type { Provider } from "../../oauth/provider.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { Session } from "./session.js";

/** An account at a provider: what it is known by, and what to call it. */
export function accountOf(
  claims: Record<string, unknown> | undefined,
  request: LoginRequest,
): { subject: string; account: string } {
  const { sub, id, name, preferred_username, login, email } = claims ?? {};
  const called = [name, preferred_username, login, email, sub].find(
    (text): text is string => typeof text === "string" && text.trim() !== "",
  );
  return { subject: String(sub ?? id ?? ""), account: (called ?? request.client_id).slice(0, 200) };
}

/** The issuer alone is not enough: its endpoints may have moved, and what it has issued there is of no use here. */
export function sameClient(session: Session, provider: Provider, request: LoginRequest): boolean {
  const [one, other] = [session.provider.metadata, provider.metadata];
  return (
    one.issuer === other.issuer &&
    one.token_endpoint === other.token_endpoint &&
    one.revocation_endpoint === other.revocation_endpoint &&
    session.request.client_id === request.client_id
  );
}

/**
 * Whether this session may answer that request: same provider and client, nobody else was asked for, and the person
 * signed in as recently and as strongly as is asked for now.
 *
 * @param now seconds since the epoch
 */
export function serves(session: Session, request: LoginRequest, now: number): boolean {
  const own = session.request;
  if (own.client_id !== request.client_id || !sameAuthority(own.authority, request.authority)) return false;
  const { login_hint, prompt = "", max_age: _, acr_values, ...special } = request.extra_params;
  const { claims, subject, account, identity } = session;
  const maxAge = maxAgeOf(request.extra_params);
  if (maxAge !== undefined && !isRecent(identity?.claims.auth_time, maxAge, now + (identity?.skew ?? 0))) return false;
  if (acr_values && !hasAcr(identity?.claims.acr, acr_values)) return false;
  if (request.account !== undefined) return subject === request.account;
  // Another way to sign in (`connector_id`, …) is asked of the provider, unless it was asked for before.
  if (Object.entries(special).some(([name, value]) => own.extra_params[name] !== value)) return false;
  if (login_hint) return [subject, account, claims?.preferred_username, claims?.email].includes(login_hint);
  return !/\b(login|select_account|create)\b/.test(prompt);
}
