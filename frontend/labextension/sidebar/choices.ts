import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { JupyterHost } from "../../client/host.js";
import { asProblem } from "../../client/problem.js";
import { hostOf } from "../../client/provider-address.js";
import { fetchProviders, isUsualRedirectUri, type ServerProviders } from "../../client/providers.js";
import type { Problem } from "../../oauth/errors.js";
import { DEFAULT_SCOPES, NOTHING_WANTED, type SessionInfo, type Wanted } from "../../vault/messages.js";

/** A provider that the sidebar offers: from the server's configuration or from the person's settings. */
export interface Choice {
  /** The administrator's word for it, or the person's own; else its host. */
  label: string;
  /** The address of a picture beside the label. */
  icon?: string;
  wanted: Wanted;
}

export interface Choices {
  list: Choice[];
  server: ServerProviders;
  /** Why the server's own providers are missing. */
  problem?: Problem;
}

/** One provider of the setting `providers` (`schema/sign-ins.json`). */
interface ProviderSetting {
  label?: string;
  authority?: string;
  client_id?: string;
  scopes?: string;
  resource?: string;
  audience?: string;
  redirect_uri?: string;
  extra_params?: Record<string, string>;
}

export async function findChoices(host: JupyterHost, settings: ISettingRegistry.ISettings | null): Promise<Choices> {
  let server: ServerProviders = { redirect_uri: null, providers: [] };
  let problem: Problem | undefined;
  try {
    server = await fetchProviders(host);
  } catch (failure) {
    problem = asProblem(failure);
  }
  const configured = server.providers.map(
    ({ name, label, icon, authority, client_id, scopes }): Choice => ({
      label: label || name,
      icon: icon ?? undefined,
      wanted: { ...NOTHING_WANTED, provider: name, authority, client_id, scopes },
    }),
  );
  const own = (settings?.composite.providers ?? []) as unknown as ProviderSetting[]; // the schema's shape
  const chosen = own.filter(({ authority, client_id }) => authority && client_id).map(fromSettings);
  return { list: [...configured, ...chosen], server, problem };
}

function fromSettings(setting: ProviderSetting): Choice {
  const { authority = "", client_id = "", scopes, resource, audience, redirect_uri, extra_params } = setting;
  return {
    label: setting.label || hostOf(authority),
    wanted: {
      authority,
      client_id,
      provider: null,
      scopes: scopes?.split(/\s+/).filter(Boolean) ?? DEFAULT_SCOPES,
      resource: resource || null,
      audience: audience || null,
      redirect_uri: redirect_uri || null,
      extra_params: extra_params ?? {},
    },
  };
}

/** What a session that no choice stands for was signed in with: a notebook's own `OIDCLogin`. */
export function choiceOf(
  { request, label, host: issuer, configured }: SessionInfo,
  server: ServerProviders,
  host: JupyterHost,
): Choice {
  const { authority, client_id, provider = null, scopes, resource = null, audience = null } = request;
  const redirect_uri = isUsualRedirectUri(request.redirect_uri, server, host) ? null : request.redirect_uri;
  // Who signs in, and that they do it anew, was for that one time.
  const { login_hint, prompt, ...extra_params } = request.extra_params;
  return {
    label: (configured && label) || issuer,
    wanted: { authority, client_id, provider, scopes, resource, audience, redirect_uri, extra_params },
  };
}
