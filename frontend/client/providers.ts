import type { LoginRequest } from "../oauth/request.js";
import { callbackUrl, type JupyterHost } from "./host.js";
import { OIDCError } from "./oidc-error.js";

/** `GET oidc-widget/api/providers`: what the server's administrator configured. */
export interface ServerProviders {
  /** The one redirect address for all (JupyterHub), if it is not the server's own callback. */
  redirect_uri: string | null;
  providers: ProviderEntry[];
}

export interface ProviderEntry {
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
}

/** What a widget was made with: everything but what the page and the server add. */
export interface Wanted {
  authority: string | null;
  client_id: string | null;
  provider: string | null;
  scopes: string[];
  resource: string | null;
  audience: string | null;
  extra_params: Record<string, string>;
  redirect_uri: string | null;
}

/** What `OIDCLogin` asks for unless told otherwise. */
export const DEFAULT_SCOPES = ["openid", "profile", "email"];

export async function fetchProviders(host: JupyterHost): Promise<ServerProviders> {
  const address = new URL(`${host.baseUrl}oidc-widget/api/providers`, location.href).href;
  try {
    const response = await fetch(address, { headers: host.headers(), credentials: "same-origin" });
    if (response.ok) return await response.json();
    if (response.status === 404) return { redirect_uri: null, providers: [] }; // our server extension is not enabled
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    throw new OIDCError(
      {
        code: "provider_unreachable",
        message: "The Jupyter server does not say which providers are configured.",
        hint: "Check that the server still runs and that you are signed in to it, then reload the page.",
      },
      cause,
    );
  }
}

/** The request for a widget, with a configured provider's settings and this page's redirect address filled in. */
export function completeRequest(
  wanted: Wanted,
  server: ServerProviders,
  host: JupyterHost,
): { request: LoginRequest; forward_to?: string; label?: string } {
  const own = callbackUrl(host);
  const entry = wanted.provider === null ? undefined : findProvider(wanted.provider, server);
  const redirect_uri = wanted.redirect_uri ?? entry?.redirect_uri ?? usualRedirectUri(server, host);
  const request: LoginRequest = {
    authority: entry?.authority ?? wanted.authority ?? "",
    client_id: entry?.client_id ?? wanted.client_id ?? "",
    scopes: entry && wanted.scopes.join() === DEFAULT_SCOPES.join() ? entry.scopes : wanted.scopes,
    resource: wanted.resource ?? entry?.resource,
    audience: wanted.audience ?? entry?.audience,
    extra_params: { ...entry?.extra_params, ...wanted.extra_params },
    redirect_uri,
    provider: wanted.provider,
    relay: entry?.relay,
    endpoints:
      entry?.oidc === false && entry.authorization_endpoint
        ? {
            authorization_endpoint: entry.authorization_endpoint,
            token_endpoint: entry.token_endpoint ?? undefined,
            revocation_endpoint: entry.revocation_endpoint ?? undefined,
          }
        : undefined,
  };
  return { request, forward_to: redirect_uri === own ? undefined : own, label: entry?.label };
}

/** The redirect address of whoever names none. */
export function usualRedirectUri({ redirect_uri }: ServerProviders, host: JupyterHost): string {
  // A hub gives the path alone, which is right under whatever name and scheme the browser sees it.
  const shared = redirect_uri?.startsWith("/") ? location.origin + redirect_uri : redirect_uri;
  return shared ?? callbackUrl(host);
}

function findProvider(name: string, { providers }: ServerProviders): ProviderEntry {
  const entry = providers.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const names = providers.map((candidate) => `“${candidate.name}”`).join(", ");
  throw new OIDCError({
    code: "unknown_provider",
    message: `This server has no provider “${name}”.`,
    hint: names ? `It has ${names}.` : "None is configured; give authority and client_id instead.",
  });
}
