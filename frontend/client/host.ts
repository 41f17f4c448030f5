/** What this page is: a Jupyter page with our files beside it, or something else (VS Code, Colab, a saved page). */
export interface JupyterHost {
  /** With a slash at both ends: `/`, `/user/alice/`. */
  baseUrl: string;
  /** Where our labextension's files are served. */
  filesUrl: string;
  /** What the server asks of requests that change something. */
  headers(): Record<string, string>;
}

export function jupyterHost(): JupyterHost | null {
  const element = document.getElementById("jupyter-config-data");
  let config: Record<string, unknown> | null;
  try {
    config = JSON.parse(element?.textContent ?? "");
  } catch {
    return null;
  }
  const { baseUrl, fullLabextensionsUrl, token } = config ?? {};
  if (typeof baseUrl !== "string" || typeof fullLabextensionsUrl !== "string") return null;
  return {
    baseUrl,
    filesUrl: new URL(`${fullLabextensionsUrl}/oidc-widget/static/`, location.href).href,
    headers: () => {
      const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
      return {
        ...(xsrf ? { "X-XSRFToken": xsrf } : {}),
        ...(typeof token === "string" && token ? { Authorization: `token ${token}` } : {}),
      };
    },
  };
}

/**
 * Whether a sign-in window's answer could come back here. Voilà as a server of its own has pages like those of Voilà as an
 * extension of a Jupyter server, but none of ours; of any other page the vault finds out what its server lacks.
 */
export async function hasCallback(host: JupyterHost): Promise<boolean> {
  if (!new URL(host.filesUrl).pathname.endsWith("/voila/labextensions/oidc-widget/static/")) return true;
  // A redirect is no page of ours: it goes to a file beside the notebook, or to Voilà's sign-in.
  const answer = await fetch(callbackUrl(host), { redirect: "manual", cache: "no-store" });
  return answer.ok;
}

/** This server's own callback, as the browser sees it: behind proxies nobody else knows it. */
export function callbackUrl(host: JupyterHost): string {
  return new URL(`${host.baseUrl}oidc-widget/callback`, location.href).href;
}
