/** What this tab keeps of its sign-ins: no name and no secret, just which vault it had them in. */
const KEY = "oidc-widget signed in";

interface Note {
  /** The vault's own id; another one has none of its sessions. */
  vault: string;
  /** Provider and client of each. */
  of: string[];
}

/** Whether this tab was signed in, in a vault that is gone: a browser may end it with its only page's reload. */
export function wasLost(vault: string, what: string): boolean {
  const note = read();
  return note !== undefined && note.vault !== vault && note.of.includes(what);
}

export function noteSignIn(vault: string, what: string): void {
  const note = read();
  const of = note?.vault === vault ? note.of : [];
  if (!of.includes(what)) write({ vault, of: [...of, what] });
}

export function noteSignOut(what: string): void {
  const note = read();
  if (note) write({ ...note, of: note.of.filter((other) => other !== what) });
}

function read(): Note | undefined {
  try {
    const { vault, of } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return typeof vault === "string" && Array.isArray(of) ? { vault, of } : undefined;
  } catch {
    return undefined; // storage is refused, or another script wrote there: nothing is known
  }
}

function write(note: Note): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(note));
  } catch {
    // Storage is refused: the sentence after a reload is missing, nothing else.
  }
}
