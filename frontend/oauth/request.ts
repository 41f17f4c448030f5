/** What somebody wants to be signed in for: the stable part of an authorization request. */
export interface LoginRequest {
  /** The issuer's address, with or without `/.well-known/openid-configuration`. */
  authority: string;
  client_id: string;
  scopes: string[];
  /** RFC 8707 resource indicator: the API that the token is for. */
  resource?: string | null;
  /** The same wish, as providers without RFC 8707 take it. */
  audience?: string | null;
  /** `prompt`, `acr_values`, `login_hint`, … as they are. */
  extra_params: Record<string, string>;
  redirect_uri: string;
  /** The name under which the server's administrator configured this provider. */
  provider?: string | null;
  /** The subject of the one account that will do; not sent to the provider. */
  account?: string;
  /** Its token requests go through the Jupyter server, which adds the client's secret. */
  relay?: boolean;
  /** A provider of OAuth 2 alone: its endpoints, where there is no discovery document. */
  endpoints?: { authorization_endpoint: string; token_endpoint?: string; revocation_endpoint?: string };
}

/** Which API and which rights: what tells one access token of a session from another. */
export interface Target {
  scopes: string[];
  resource?: string | null;
  audience?: string | null;
}

/** For which API, in either way of saying it; every request of a sign-in repeats it (RFC 8707 §2). */
export function targetParameters({ resource, audience }: Target): Record<string, string> {
  return { ...(resource && { resource }), ...(audience && { audience }) };
}

/** Order and repetition of scopes mean nothing (RFC 6749 §3.3). */
export function targetKey({ scopes, resource, audience }: Target): string {
  return JSON.stringify([[...new Set(scopes)].sort(), resource ?? null, audience ?? null]);
}
