/**
 * What is needed once a person is back from the provider, and not before: requests for tokens, and the checks of what
 * comes. Loaded while the sign-in is being made ready, so that nobody ever waits for it.
 */
import { Failure } from "../oauth/failure.js";
import type * as TokenEndpoint from "../oauth/token-endpoint.js";

type Functions = typeof TokenEndpoint;

/** @throws {Failure} the Jupyter server does not give the file: that passes, and ends no session */
export async function loadTokenRequests(): Promise<Functions> {
  try {
    return await import("../oauth/token-endpoint.js");
  } catch (cause) {
    throw new Failure("token_endpoint_unreachable", { said: "The Jupyter server does not answer." }, cause);
  }
}

export const exchangeCode: Functions["exchangeCode"] = async (...all) =>
  (await loadTokenRequests()).exchangeCode(...all);

export const refreshTokens: Functions["refreshTokens"] = async (...all) =>
  (await loadTokenRequests()).refreshTokens(...all);

/** Its answer matters to nobody: whatever stands in the way, the session is over here. */
export const revokeToken: Functions["revokeToken"] = async (...all) => {
  try {
    return await (await loadTokenRequests()).revokeToken(...all);
  } catch {
    return false;
  }
};
