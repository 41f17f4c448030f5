import { targetKey } from "../../oauth/request.js";
import type { SessionInfo } from "../messages.js";
import type { Session } from "../sessions/session.js";
import type { Link } from "./link.js";

/** The sessions, and who uses them, as a sidebar lists them. Loaded when one is opened. */
export function describe(sessions: Session[], links: Link[]): SessionInfo[] {
  return sessions.map((session) => {
    const { id, account, request, subject, claims } = session;
    return {
      session_id: id,
      account,
      lifetime: session.token(targetKey(request))?.lifetime,
      request,
      subject,
      login_hint: [claims?.email, claims?.preferred_username].find((hint) => typeof hint === "string"),
      uses: links.flatMap((link) => (link.session === session && link.place ? [link.place] : [])),
    };
  });
}
