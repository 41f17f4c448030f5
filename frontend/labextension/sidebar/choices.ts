import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { JupyterHost } from "../../client/host.js";
import { problemOf } from "../../client/oidc-error.js";
import { DEFAULT_SCOPES, fetchProviders, type ServerProviders } from "../../client/providers.js";
import type { Problem } from "../../oauth/errors.js";
import type { LoginRequest } from "../../oauth/request.js";
import type { Wanted } from "../../vault/messages.js";

/** A provider that the sidebar offers: from the server's configuration or from the person's settings. */
export interface Choice {
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

/** One entry of the setting `providers` (`schema/sign-ins.json`). */
interface SettingsEntry {
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
    problem = problemOf(failure);
  }
  const configured = server.providers.map(
    ({ name, label, icon, authority, client_id, scopes }): Choice => ({
      label: label || name,
      icon: icon ?? undefined,
      wanted: { ...nothing(), provider: name, authority, client_id, scopes },
    }),
  );
  const own = (settings?.composite.providers ?? []) as unknown as SettingsEntry[]; // the schema's shape
  const chosen = own.filter(({ authority, client_id }) => authority && client_id).map(fromSettings);
  return { list: [...configured, ...chosen], server, problem };
}

function fromSettings(entry: SettingsEntry): Choice {
  const { authority = "", client_id = "", scopes, resource, audience, redirect_uri, extra_params } = entry;
  return {
    label: entry.label || hostOf(authority),
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

function nothing(): Wanted {
  return {
    authority: null,
    client_id: null,
    provider: null,
    scopes: DEFAULT_SCOPES,
    resource: null,
    audience: null,
    redirect_uri: null,
    extra_params: {},
  };
}

/**
 * What a session that no choice stands for was signed in with: a notebook's own `OIDCLogin`.
 *
 * @param usualRedirectUri the redirect address that goes without saying
 */
export function choiceOf(request: LoginRequest, usualRedirectUri: string): Choice {
  const { authority, client_id, provider = null, scopes, resource = null, audience = null } = request;
  // An issuer's own address stands below the usual one.
  const usual = request.redirect_uri === usualRedirectUri || request.redirect_uri.startsWith(`${usualRedirectUri}/`);
  const redirect_uri = usual ? null : request.redirect_uri;
  // Who signs in, and that they do it anew, was for that one time.
  const { login_hint, prompt, ...extra_params } = request.extra_params;
  return {
    label: hostOf(authority),
    wanted: { authority, client_id, provider, scopes, resource, audience, redirect_uri, extra_params },
  };
}

export function hostOf(authority: string): string {
  return URL.canParse(authority) ? new URL(authority).host : authority;
}
