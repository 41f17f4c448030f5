/** The servers of `servers.py`, and what a test may do to the provider. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("servers.py", import.meta.url));

/** Start them, and return where they are. */
export async function startServers() {
  const child = spawn("python", [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.includes("\n")) break;
  }
  if (!said) throw new Error("The servers did not start: their reason stands above.");
  const { admin, ...ready } = JSON.parse(said);
  const ask = async (method, path, body) => {
    const response = await fetch(`${admin}${path}`, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };
  return {
    ...ready,
    /** Replace settings of the provider (`oidc_provider/settings.mjs`) until `reset`. */
    configure: (settings) => ask("PATCH", "/settings", settings),
    /** As at the start, with an empty log. */
    async reset() {
      await ask("DELETE", "/settings");
      await ask("PATCH", "/settings", { redirect_uris: ready.redirectUris });
      await ask("DELETE", "/log");
    },
    /** The requests that the provider saw at an endpoint, in order. */
    async requests(endpoint, grantType) {
      const { requests } = await ask("GET", "/log");
      return requests.filter(
        (request) => request.endpoint === endpoint && (!grantType || request.grant_type === grantType),
      );
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
