import type { LogoutSettings } from "../../oauth/logout.js";

/** `GET oidc-widget/api/providers`: what the server's administrator configured. */
export interface ServerProviders {
  /** The one redirect address for all (JupyterHub), if it is not the server's own callback. */
  redirect_uri: string | null;
  providers: ConfiguredProvider[];
}

export interface ConfiguredProvider {
  name: string;
  label: string;
  authority: string;
  client_id: string;
  scopes: string[];
  redirect_uri?: string | null;
  icon?: string | null;
  extra_params?: Record<string, string>;
  resource?: string | null;
  audience?: string | null;
  relay?: boolean;
  oidc?: boolean;
  authorization_endpoint?: string | null;
  token_endpoint?: string | null;
  revocation_endpoint?: string | null;
  /** For a provider that demands more at its sign-out page than the client's name. */
  logout?: LogoutSettings | null;
}

const isText = (value: unknown): value is string => typeof value === "string";

/** The server's answer, if it is one: an entry that lacks what every one has (another version's) is left out. */
export function serverProviders(answer: unknown): ServerProviders | undefined {
  const { redirect_uri, providers } = (answer ?? {}) as Record<string, unknown>;
  if (!Array.isArray(providers)) return undefined;
  const complete = providers.filter(
    (entry) =>
      [entry?.name, entry?.authority, entry?.client_id].every(isText) &&
      Array.isArray(entry.scopes) &&
      entry.scopes.every(isText),
  );
  return { redirect_uri: isText(redirect_uri) ? redirect_uri : null, providers: complete };
}
