/** The Jupyter server that serves the vault's file, as far as the vault asks it. */
export class TestJupyter {
  readonly baseUrl = "http://localhost:8888/user/alice/";
  readonly filesUrl = `${this.baseUrl}lab/extensions/oidc-widget/static/`;
  readonly callback = `${this.baseUrl}oidc-widget/callback`;
  /** What its administrator configured. */
  providers: Record<string, unknown>[] = [];
  redirect_uri: string | null = null;
  /** Who is signed in; a number: what it answers instead. `undefined`: it can't be reached. */
  user: string | number | undefined = "alice";
  /** Says who is signed in when a test lets it. */
  slow?: () => Promise<string>;
  /** Answers what is asked of it for terminals. */
  terminals?: (path: string, init: RequestInit) => Response | Promise<Response>;
  /** It says what is configured when this is done. */
  slowProviders?: Promise<unknown>;
  readonly calls: { path: string; headers: Headers }[] = [];

  /** @param elsewhere the rest of the network */
  fetch(elsewhere: typeof fetch): typeof fetch {
    return async (input, init = {}) => {
      init.signal?.throwIfAborted();
      const address = String(input);
      if (!address.startsWith(this.baseUrl)) return elsewhere(input, init);
      const path = address.slice(this.baseUrl.length);
      this.calls.push({ path, headers: new Headers(init.headers) });
      const { redirect_uri, providers } = this;
      const [, question] = /^oidc-widget\/api\/terminal-token\/(.*)/.exec(path) ?? [];
      if (question && this.terminals) return await this.terminals(question, init);
      await this.slowProviders;
      if (path === "oidc-widget/api/providers") return Response.json({ redirect_uri, providers });
      if (path !== "api/me") return elsewhere(input, init);
      const user = this.slow ? await this.slow() : this.user;
      if (user === undefined) throw new TypeError("Failed to fetch");
      if (typeof user === "number") return Response.json({ message: "no" }, { status: user });
      return Response.json({ identity: { username: user }, permissions: {} });
    };
  }
}
