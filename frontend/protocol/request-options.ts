import * as oauth from "oauth4webapi";
import { isLoopback } from "./discovery.js";
import type { Environment } from "./environment.js";

/** The options that every request to this address takes. */
export function requestOptions(environment: Environment, address: string | undefined) {
  const insecure = address !== undefined && isLoopback(new URL(address));
  return { [oauth.customFetch]: environment.fetch, [oauth.allowInsecureRequests]: insecure };
}
