import type { Environment } from "./environment.js";
import { Failure, isFailure } from "./failure.js";

const TIMEOUT = 20_000; // ms

/**
 * Every request to a provider: without cookies, and never led elsewhere unless its `init` says so.
 *
 * @throws {Failure} `code`: there is no answer that may be read
 */
export async function send(
  { fetch }: Environment,
  address: string,
  init?: RequestInit,
  code: "provider_unreachable" | "token_endpoint_unreachable" = "provider_unreachable",
): Promise<Response> {
  try {
    return await fetch(address, {
      headers: { accept: "application/json, application/jwk-set+json" },
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT),
      ...init,
    });
  } catch (cause) {
    if (isFailure(cause)) throw cause; // said by who was to pass the request on
    throw new Failure(code, { address }, cause);
  }
}
