import type { Provider } from "../../oauth/provider.js";
import { type LoginRequest, sameAuthority } from "../../oauth/request.js";
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
  return { subject: String(sub ?? id ?? ""), account: called ?? request.client_id };
}

/** The issuer alone is not enough: a request that names its own endpoints can call itself what it likes. */
export function sameClient(session: Session, provider: Provider, request: LoginRequest): boolean {
  const [one, other] = [session.provider.metadata, provider.metadata];
  return (
    one.issuer === other.issuer &&
    one.token_endpoint === other.token_endpoint &&
    one.revocation_endpoint === other.revocation_endpoint &&
    session.request.client_id === request.client_id
  );
}

/** Whether this session may answer that request: same provider and client, and nobody else was asked for. */
export function serves(session: Session, request: LoginRequest): boolean {
  const own = session.request;
  if (own.client_id !== request.client_id || !sameAuthority(own.authority, request.authority)) return false;
  if (request.account !== undefined) return session.subject === request.account;
  const { login_hint, prompt = "", ...special } = request.extra_params;
  // Another way to sign in (`acr_values`, `connector_id`, …) is asked of the provider, unless it was asked for before.
  if (Object.entries(special).some(([name, value]) => own.extra_params[name] !== value)) return false;
  const { claims, subject, account } = session;
  if (login_hint) return [subject, account, claims?.preferred_username, claims?.email].includes(login_hint);
  return !/\b(login|select_account|create)\b/.test(prompt);
}
