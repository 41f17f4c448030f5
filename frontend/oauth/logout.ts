import type { AuthorizationServer } from "oauth4webapi";

/** OpenID Connect RP-Initiated Logout 1.0 §2: where the person ends the session at the provider too. */
export function endSessionUrl(
  { end_session_endpoint }: AuthorizationServer,
  clientId: string,
  idToken?: string,
): string | undefined {
  if (!end_session_endpoint) return undefined;
  const url = new URL(end_session_endpoint);
  if (idToken) url.searchParams.set("id_token_hint", idToken);
  url.searchParams.set("client_id", clientId);
  return url.href;
}
