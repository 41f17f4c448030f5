import type { Provider } from "../protocol/discovery.js";
import type { LoginRequest } from "../protocol/request.js";
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

export function sameClient(session: Session, provider: Provider, request: LoginRequest): boolean {
  return (
    session.provider.metadata.issuer === provider.metadata.issuer && session.request.client_id === request.client_id
  );
}

/** Whether this session may answer that request: same provider and client, and nobody else was asked for. */
export function serves(session: Session, request: LoginRequest): boolean {
  const own = session.request;
  if (own.client_id !== request.client_id || bare(own.authority) !== bare(request.authority)) {
    return false;
  }
  const { login_hint, prompt } = request.extra_params;
  const { claims, subject, account } = session;
  if (login_hint) {
    return [subject, account, claims?.preferred_username, claims?.email].includes(login_hint);
  }
  return !/\b(login|select_account|create)\b/.test(prompt ?? "");
}

function bare(authority: string): string {
  return authority.replace(/\/?(\.well-known\/openid-configuration)?\/?$/, "");
}
