import type { Environment } from "../../oauth/environment.js";
import { Failure } from "../../oauth/failure.js";
import { send } from "../../oauth/send.js";
import { type ServerProviders, serverProviders } from "./server-providers.js";

/** How long the administrator's configuration is gone by before it is asked for again, in seconds. */
const CONFIGURATION_AGE = 60;

/** The Jupyter server that serves our files: the only one that the vault asks, whatever a page says. */
export interface JupyterServer {
  /** With a slash at its end. */
  readonly baseUrl: string;
  /** This server's own callback, as the browser sees it: behind proxies nobody else knows it. */
  readonly callback: string;
  /** What the server asks of requests; pages know it, and it may change while a session lasts. */
  headers: Record<string, string>;
  /**
   * What the administrator configured.
   *
   * @throws {Failure} it can't be had, so that nobody can say who is vouched for
   */
  providers(): Promise<ServerProviders>;
  /**
   * Who is signed in to Jupyter here: a name, `null` for nobody, `undefined` where there is no answer. A server that
   * knows no users has one, without a name.
   */
  user(): Promise<string | null | undefined>;
}

/** @param filesUrl where this script is: `{base_url}lab/extensions/oidc-widget/static/`, or another page's place for it */
export function createJupyterServer(environment: Environment, filesUrl: string): JupyterServer {
  const baseUrl = new URL("../../../../", filesUrl).href;
  let known: { since: number; configuration: ServerProviders } | undefined;
  let asking: Promise<ServerProviders> | undefined;

  const get = (path: string) =>
    send(environment, baseUrl + path, {
      headers: { accept: "application/json", ...server.headers },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "manual", // to a page for signing in to Jupyter: an answer of its own kind
    });

  async function ask(): Promise<ServerProviders> {
    try {
      const response = await get("oidc-widget/api/providers");
      const { status } = response;
      if (!response.ok) throw new Failure("server_unavailable", { status });
      const configuration = serverProviders(await response.json().catch(() => undefined));
      if (!configuration) throw new Failure("server_unavailable", { status });
      known = { since: environment.now(), configuration };
      return configuration;
    } catch (failure) {
      if (known) return known.configuration; // the server restarts: what it said before holds
      throw failure;
    } finally {
      asking = undefined;
    }
  }

  const server: JupyterServer = {
    baseUrl,
    callback: `${baseUrl}oidc-widget/callback`,
    headers: {},
    async providers() {
      if (known && environment.now() - known.since < CONFIGURATION_AGE) return known.configuration;
      asking ??= ask();
      return asking;
    },
    async user() {
      try {
        const response = await get("api/me");
        const { status } = response;
        if (status === 401 || status === 403 || (status >= 300 && status < 400) || response.type === "opaqueredirect")
          return null;
        if (status === 404) return "";
        if (!response.ok) return undefined;
        const { identity } = await response.json();
        return typeof identity?.username === "string" ? identity.username : undefined;
      } catch {
        return undefined;
      }
    },
  };
  return server;
}
