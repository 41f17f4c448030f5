import { callbackUrl, type JupyterHost } from "./host.js";
import { OIDCError, problem } from "./problem.js";

/** `GET oidc-widget/api/providers`: what the server's administrator configured, as far as a list shows it. */
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
  icon?: string | null;
}

export async function fetchProviders(host: JupyterHost): Promise<ServerProviders> {
  const address = new URL(`${host.baseUrl}oidc-widget/api/providers`, location.href).href;
  let status = 0;
  try {
    const response = await fetch(address, { headers: host.headers(), credentials: "same-origin" });
    status = response.status;
    if (response.ok) return await response.json();
    throw new Error(`status ${status}`);
  } catch (cause) {
    throw new OIDCError(
      status === 404
        ? problem(
            "server_unavailable",
            ["The Jupyter server has no oidc-widget, so a sign-in window could not come back here."],
            ["Install oidc-widget also where the Jupyter server runs, and restart it."],
          )
        : problem(
            "server_unavailable",
            ["The Jupyter server does not say which providers are configured."],
            ["Check that the server still runs and that you are signed in to it, then reload the page."],
          ),
      cause,
    );
  }
}

/** Whether an address is one that goes without saying: the server's, the Hub's, or an issuer's own below these. */
export function isUsualRedirectUri(address: string, { redirect_uri }: ServerProviders, host: JupyterHost): boolean {
  // A hub gives the path alone, which is right under whatever name and scheme the browser sees it.
  const shared = redirect_uri?.startsWith("/") ? location.origin + redirect_uri : redirect_uri;
  return [callbackUrl(host), shared].some((usual) => usual && (address === usual || address.startsWith(`${usual}/`)));
}
