import type { Problem } from "../../oauth/errors.js";
import { problem } from "../problem.js";

/** How long a provider may take, in ms. */
const PATIENCE = 3000;

/** Whether there is no answer at all from an address. Any will do, also one that this page may not read. */
export async function isSilent(address: string): Promise<boolean> {
  try {
    await fetch(address, {
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    return false;
  } catch {
    return true;
  }
}

/** The page that a window was sent to, without what this sign-in is about. */
export function barePage(authorizationUrl: string): string {
  const { origin, pathname } = new URL(authorizationUrl);
  return origin + pathname;
}

export function silentProvider(address: string): Problem {
  return problem(
    "provider_unreachable",
    ["%1 gives this browser no answer, so it can't show its sign-in page.", new URL(address).host],
    ["Check the network, or try again when the provider is back."],
  );
}
