import { hostOf } from "../../client/provider-address.js";
import { DEFAULT_SCOPES } from "../../vault/messages.js";
import type { Choice } from "./choices.js";

/** The cell that `Insert code` puts into a notebook. */
export function cellSource({ label, wanted }: Choice): string {
  const extra_params = Object.keys(wanted.extra_params).length > 0 ? wanted.extra_params : null;
  const given: Record<string, unknown> = wanted.provider
    ? { provider: wanted.provider, extra_params }
    : {
        authority: wanted.authority,
        client_id: wanted.client_id,
        scopes: wanted.scopes.join() === DEFAULT_SCOPES.join() ? null : wanted.scopes,
        resource: wanted.resource,
        audience: wanted.audience,
        redirect_uri: wanted.redirect_uri,
        extra_params,
        label: label === hostOf(wanted.authority) ? null : label,
      };
  // Texts, and lists and objects of texts: their JSON is Python too.
  const values = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  const lines = values.map(([name, value]) => `    ${name}=${JSON.stringify(value)},\n`).join("");
  const call = values.length === 1 ? lines.trim().replace(/,$/, "") : `\n${lines}`;
  return `from oidc_widget import OIDCLogin\n\nw = OIDCLogin(${call})\nw`;
}
