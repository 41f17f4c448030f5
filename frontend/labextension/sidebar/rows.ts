import type { JupyterHost } from "../../client/host.js";
import { hostOf } from "../../client/provider-address.js";
import { VaultLogin } from "../../client/sign-in/vault-login.js";
import type { VaultClient } from "../../client/vault-client.js";
import { sameAuthority } from "../../oauth/authority.js";
import type { Problem } from "../../oauth/errors.js";
import type { SessionInfo } from "../../vault/messages.js";
import { type Choice, type Choices, choiceOf } from "./choices.js";

/** One line of the sidebar: a provider to sign in to, or an account that is signed in. */
export interface Row {
  key: string;
  choice: Choice;
  login: VaultLogin;
  session?: SessionInfo;
  /** What `Insert code` writes, where it has to name the account: the provider alone would mean the newest session. */
  code?: Choice;
  /** For an account besides those that are signed in. */
  another?: boolean;
  /** The account that was signed out of, while its sign-out at the provider is on offer. */
  signedOut?: string;
}

/** What the sidebar lists: for each provider its accounts, or else the provider itself. */
export class Rows {
  readonly #vault: VaultClient;
  readonly #host: JupyterHost;
  readonly #changed = new Set<() => void>();
  /** Before they are known, nothing is listed: what a session is called, they say. */
  #choices?: Choices;
  #sessions: SessionInfo[] = [];
  #rows = new Map<string, Row>();

  constructor(vault: VaultClient, host: JupyterHost) {
    this.#vault = vault;
    this.#host = host;
    vault.listen((message) => {
      if (message.type !== "sessions") return;
      this.#sessions = message.sessions;
      this.#arrange();
    });
    vault.onConnected(() => vault.send({ type: "list_sessions" }));
  }

  onChange(changed: () => void): void {
    this.#changed.add(changed);
  }

  get list(): Row[] {
    return [...this.#rows.values()];
  }

  get problem(): Problem | undefined {
    return this.#choices?.problem;
  }

  set choices(choices: Choices) {
    this.#choices = choices;
    this.#arrange();
  }

  /** Signs in with another account of the same provider, in a row of its own. Call it inside a click. */
  addAccount(choice: Choice): void {
    // Every provider knows "login" (OpenID Connect Core §3.1.2.1) but Google, which knows "select_account" alone.
    const prompt = hostOf(choice.wanted.authority) === "accounts.google.com" ? "select_account" : "login";
    const extra_params = { ...choice.wanted.extra_params, prompt };
    const another = { ...choice, wanted: { ...choice.wanted, extra_params } };
    const row = this.#keep(`another ${keyOf(choice)}`, another, this.#rows);
    row.another = true;
    row.login.signIn();
    this.#notify();
  }

  /** Takes a row away: of another account, or of one that is signed out. */
  dismiss(row: Row): void {
    this.#rows.delete(row.key);
    if (row.login.state.status === "signing_in") row.login.cancel();
    if (row.login.state.status === "expired") row.login.signOut();
    row.login.dispose();
    this.#notify();
  }

  /** What was signed out of is news for as long as somebody looks. */
  tidy(): void {
    for (const row of this.#rows.values()) {
      if (row.signedOut !== undefined) this.dismiss(row);
    }
  }

  #arrange(): void {
    if (!this.#choices) return;
    const { list, server } = this.#choices;
    const rows = new Map<string, Row>();
    const left = new Set(this.#sessions);
    for (const choice of list) {
      const own = this.#sessions.filter((session) => belongs(session, choice));
      for (const session of own) {
        left.delete(session);
        this.#keepSession(session, choice, rows);
      }
      if (own.length === 0) this.#keep(keyOf(choice), choice, rows);
      else this.#keepAnother(choice, rows);
    }
    for (const session of left) {
      const choice = choiceOf(session, server, this.#host);
      this.#keepSession(session, choice, rows);
      this.#keepAnother(choice, rows);
    }
    for (const row of this.#rows.values()) {
      if (rows.has(row.key)) continue;
      // After a sign-out the provider's own is on offer until it is taken, or nobody looks any more.
      if (row.login.state.logout) {
        rows.set(row.key, { ...row, session: undefined, signedOut: row.signedOut ?? row.session?.account });
      } else row.login.dispose();
    }
    this.#rows = rows;
    this.#notify();
  }

  #keepSession(session: SessionInfo, choice: Choice, rows: Map<string, Row>): void {
    const { request, subject, login_hint } = session;
    const hinted = (extra_params: Record<string, string>, more: Partial<Choice["wanted"]> = {}): Choice => ({
      ...choice,
      wanted: { ...choice.wanted, ...more, extra_params: { ...extra_params, ...(login_hint ? { login_hint } : {}) } },
    });
    const row = this.#keep(
      `session ${session.session_id}`,
      hinted(request.extra_params, { scopes: request.scopes }),
      rows,
      subject,
    );
    const several = this.#sessions.filter((other) => belongs(other, choice)).length > 1;
    rows.set(row.key, { ...row, session, choice, code: several ? hinted(choice.wanted.extra_params) : undefined });
  }

  /** The row for another account, until somebody has signed in with it. */
  #keepAnother(choice: Choice, rows: Map<string, Row>): void {
    const row = this.#rows.get(`another ${keyOf(choice)}`);
    if (row && row.login.state.status !== "signed_in") rows.set(row.key, row);
  }

  #keep(key: string, choice: Choice, rows: Map<string, Row>, account?: string): Row {
    const known = this.#rows.get(key);
    const row = known ?? { key, choice, login: this.#login(key, choice, account) };
    rows.set(key, row);
    return row;
  }

  #login(key: string, { wanted }: Choice, account?: string): VaultLogin {
    // Every page has the same rows, so they share their links. A name says all: what it stands for, the server knows.
    const asked = wanted.provider === null ? wanted : { ...wanted, authority: null, client_id: null };
    const options = { auto_refresh: true, share_id_token: false }; // the row's title is its label
    return new VaultLogin(this.#vault, key, { wanted: asked, options, account });
  }

  #notify(): void {
    for (const changed of this.#changed) changed();
  }
}

/** A setting that was changed makes another row of it. */
function keyOf({ label, wanted }: Choice): string {
  return JSON.stringify([label, wanted]);
}

function belongs({ request }: SessionInfo, { wanted }: Choice): boolean {
  if (wanted.provider && request.provider) return wanted.provider === request.provider;
  return sameAuthority(request.authority, wanted.authority ?? "") && request.client_id === wanted.client_id;
}
