import type { Environment } from "../../oauth/environment.js";
import { Failure } from "../../oauth/failure.js";
import { retryAfter } from "../../oauth/retry-after.js";
import type { JupyterServer } from "./jupyter-server.js";

/**
 * The same environment, but every request goes through the Jupyter server, for a provider that its administrator
 * configured so: it has no CORS, or wants a secret that must not come into the browser. The protocol does not notice.
 *
 * @param server its headers may change while a session lasts
 */
export function relayed(
  environment: Environment,
  provider: string,
  server: Pick<JupyterServer, "baseUrl" | "headers">,
): Environment {
  const ask = async (what: string, init: RequestInit) => {
    const { baseUrl, headers } = server;
    const address = `${baseUrl}oidc-widget/api/providers/${encodeURIComponent(provider)}/${what}`;
    const all = new Headers(init.headers);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    const response = await environment.fetch(address, { ...init, headers: all, credentials: "same-origin" });
    // Jupyter's own refusal is none of the provider: the session goes on once the person is signed in to Jupyter again.
    if ((response.status === 401 || response.status === 403) && !(await isOfProvider(response)))
      throw new Failure("token_endpoint_unreachable", {});
    if (response.status >= 500) await explain(response, what, environment);
    return response;
  };
  return {
    ...environment,
    fetch: async (address, init = {}) => {
      if (init.method !== "POST") {
        const response = await ask("metadata", init);
        if (!response.ok) return response;
        const { metadata, jwks } = await response.json();
        return Response.json(String(address).endsWith("/openid-configuration") ? metadata : jwks);
      }
      const form = new URLSearchParams(String(init.body));
      if (form.has("grant_type")) return ask("token", init);
      // Jupyter takes a form field named "token" for its own.
      return ask("revoke", { ...init, body: new URLSearchParams({ refresh_token: form.get("token") ?? "" }) });
    },
  };
}

/** A refusal that was passed on, such as 401 for a wrong client secret (RFC 6749 §5.2). */
async function isOfProvider(response: Response): Promise<boolean> {
  try {
    const { error } = await response.clone().json();
    return /^(invalid_\w+|unauthorized_client|access_denied)$/.test(error);
  } catch {
    return false;
  }
}

/** The server says in a sentence what is wrong between it and the provider. */
async function explain(response: Response, what: string, environment: Environment): Promise<void> {
  const { error, error_description: said } = await response
    .clone()
    .json()
    .catch(() => ({}));
  if (typeof said !== "string") return;
  // A token request may succeed later, so it must not end a session, whatever stands in its way now.
  if (what !== "metadata") {
    throw new Failure("token_endpoint_unreachable", { said, retryAfter: retryAfter(response, environment) });
  }
  const known = error === "issuer_mismatch" || error === "discovery_failed";
  throw new Failure(known ? error : "provider_unreachable", { said });
}
