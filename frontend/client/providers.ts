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

/** The redirect address of whoever names none. */
export function usualRedirectUri({ redirect_uri }: ServerProviders, host: JupyterHost): string {
  // A hub gives the path alone, which is right under whatever name and scheme the browser sees it.
  const shared = redirect_uri?.startsWith("/") ? location.origin + redirect_uri : redirect_uri;
  return shared ?? callbackUrl(host);
}
