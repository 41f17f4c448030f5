import type { Role, ToVault } from "./messages.js";

type Type = ToVault["type"];

const EVERYBODY: Type[] = ["hello", "server", "bye", "wake"];
const SHOWS_A_LINK: Type[] = ["link", "unlink", "begin", "cancel", "window_closed", "accept", "sign_out", "log_out"];

/** What each kind of port may say. */
const MAY_SAY: Record<Role, Set<Type>> = {
  widget: new Set([...EVERYBODY, ...SHOWS_A_LINK, "refresh", "tell_kernel", "tell_again"]),
  sidebar: new Set([...EVERYBODY, ...SHOWS_A_LINK, "settings", "terminals", "list_sessions"]),
  delivery: new Set([...EVERYBODY, "settings", "terminals", "result"]),
};

/** @param role `undefined`: the port has not said hello yet, and may say nothing else before */
export function maySay(role: Role | undefined, type: Type): boolean {
  return role ? MAY_SAY[role].has(type) : type === "hello";
}

/** A port has one role for as long as it lives; a page that comes back from the browser's cache says the same again. */
export function isRole(value: unknown): value is Role {
  return typeof value === "string" && Object.hasOwn(MAY_SAY, value);
}
