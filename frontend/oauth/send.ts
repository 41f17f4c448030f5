import type { Environment } from "./environment.js";
import { Failure } from "./failure.js";

const TIMEOUT = 20_000; // ms
/** The most that is read of an answer, in bytes: no document of a provider comes near it. */
const LARGEST = 1_000_000;

/**
 * Every request to a provider: without cookies, never led elsewhere unless its `init` says so, and bounded in time and
 * size. The answer is there as a whole when this is done, so that nobody else need think of bounds.
 *
 * @throws {Failure} `code`: there is no answer that may be read
 */
export async function send(
  { fetch }: Pick<Environment, "fetch">,
  address: string,
  init?: RequestInit,
  code: "provider_unreachable" | "token_endpoint_unreachable" = "provider_unreachable",
): Promise<Response> {
  try {
    const response = await fetch(address, {
      headers: { accept: "application/json, application/jwk-set+json" },
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT),
      ...init,
    });
    const { status, headers } = response;
    const body = await read(response);
    if (!body) throw new Failure(code, { address, largest: LARGEST });
    // Some statuses have no body, and `Response` insists on that (Fetch §5.5).
    return new Response(body.length > 0 ? body : null, { status, headers });
  } catch (cause) {
    if (cause instanceof Failure) throw cause; // said by who was to pass the request on
    throw new Failure(code, { address }, cause);
  }
}

/** The body; `undefined`: it is too large, and the rest of it is not asked for. */
async function read({ body }: Response): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    if (size > LARGEST) {
      void reader.cancel().catch(() => undefined);
      return undefined;
    }
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A page of HTML is no document, whatever can be read out of it (OpenID Connect Discovery 1.0 §4.2, RFC 7517 §8.5.2). */
export function isJson({ headers }: Response): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(headers.get("content-type") ?? "");
}
