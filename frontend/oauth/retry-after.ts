import type { Environment } from "./environment.js";

/** When to ask again (RFC 9110 §10.2.3), in seconds from now; `undefined`: not said. */
export function retryAfter({ headers }: Response, { now }: Pick<Environment, "now">): number | undefined {
  const said = headers.get("retry-after");
  if (!said) return undefined;
  // biome-ignore lint/style/noRestrictedGlobals: reads a date; what time it is comes from the environment
  const seconds = /^\d+$/.test(said) ? Number(said) : Date.parse(said) / 1000 - now();
  return seconds > 0 ? seconds : undefined;
}
