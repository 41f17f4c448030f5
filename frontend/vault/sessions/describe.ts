import { targetKey } from "../../oauth/request.js";
import type { Link } from "../links/link.js";
import type { SessionInfo } from "../messages.js";
import type { Session } from "./session.js";

/** The sessions, and who uses them, as a sidebar lists them. */
export function describe(sessions: readonly Session[], links: Link[]): SessionInfo[] {
  return sessions.map((session) => {
    const { id, account, request, subject, claims, destination } = session;
    const { label, host, configured } = destination.linkedTo;
    return {
      session_id: id,
      account,
      lifetime: session.token(targetKey(request))?.lifetime,
      request,
      subject,
      login_hint: [claims?.email, claims?.preferred_username].find((hint) => typeof hint === "string"),
      label,
      host,
      configured,
      uses: links.flatMap((link) => (link.session === session && link.place ? [link.place] : [])),
    };
  });
}
