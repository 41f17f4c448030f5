/** What this tab keeps of its sign-ins: no name and no secret, just which vault it had them in. */
const KEY = "oidc-widget signed in";

interface Note {
  /** The vault's own id; another one has none of its sessions. */
  vault: string;
  /** Provider and client of each. */
  of: string[];
  /** When the page was loaded that was signed in, which tells it from the one after its reload. */
  page: number;
}

/** How the browser has ended what held a tab's sign-ins: with its only page's reload, or while the page was there. */
export type Loss = "reload" | "crash";

/** Whether this tab was signed in, in a vault that is gone, and how it went; `undefined`: it was not. */
export function lossOf(vault: string, what: string): Loss | undefined {
  const note = read();
  if (!note || note.vault === vault || !note.of.includes(what)) return undefined;
  return note.page === performance.timeOrigin ? "crash" : "reload";
}

export function noteSignIn(vault: string, what: string): void {
  const note = read();
  const of = note?.vault === vault ? note.of : [];
  const page = performance.timeOrigin;
  if (!of.includes(what) || note?.page !== page) write({ vault, of: [...new Set([...of, what])], page });
}

export function noteSignOut(what: string): void {
  const note = read();
  if (note) write({ ...note, of: note.of.filter((other) => other !== what) });
}

function read(): Note | undefined {
  try {
    const { vault, of, page } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return typeof vault === "string" && Array.isArray(of) ? { vault, of, page } : undefined;
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
