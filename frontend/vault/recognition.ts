import type { Provider } from "../protocol/discovery.js";
import { type LoginRequest, sameAuthority } from "../protocol/request.js";
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

/** What a provider may know the account by at its sign-in page (OpenID Connect Core §3.1.2.1). */
export function loginHint(claims: Record<string, unknown> | undefined): string | undefined {
  return [claims?.email, claims?.preferred_username].find((hint) => typeof hint === "string");
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
  const { login_hint, prompt } = request.extra_params;
  const { claims, subject, account } = session;
  if (login_hint) {
    return [subject, account, claims?.preferred_username, claims?.email].includes(login_hint);
  }
  return !/\b(login|select_account|create)\b/.test(prompt ?? "");
}
