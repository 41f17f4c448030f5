import type { AuthorizationServer } from "oauth4webapi";

/** What an administrator configured for a provider that wants more than the client's name. */
export interface LogoutSettings {
  /** The provider demands `id_token_hint`, which then stands in the browser's history. */
  id_token_hint?: boolean;
  post_logout_redirect_uri?: string;
}

/**
 * OpenID Connect RP-Initiated Logout 1.0 §2: where the person ends the session at the provider too. The client's name
 * alone is enough, though the provider may ask whether they mean it; an ID token has no place in an address.
 */
export function endSessionUrl(
  { end_session_endpoint }: AuthorizationServer,
  client_id: string,
  { id_token_hint, post_logout_redirect_uri }: LogoutSettings = {},
  idToken?: string,
): string | undefined {
  if (!end_session_endpoint) return undefined;
  const url = new URL(end_session_endpoint);
  url.searchParams.set("client_id", client_id);
  if (id_token_hint && idToken) url.searchParams.set("id_token_hint", idToken);
  if (post_logout_redirect_uri) url.searchParams.set("post_logout_redirect_uri", post_logout_redirect_uri);
  return url.href;
}
