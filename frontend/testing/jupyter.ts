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
  readonly calls: { path: string; headers: Headers }[] = [];

  /** @param elsewhere the rest of the network */
  fetch(elsewhere: typeof fetch): typeof fetch {
    return async (input, init = {}) => {
      const address = String(input);
      if (!address.startsWith(this.baseUrl)) return elsewhere(input, init);
      const path = address.slice(this.baseUrl.length);
      this.calls.push({ path, headers: new Headers(init.headers) });
      const { redirect_uri, providers } = this;
      if (path === "oidc-widget/api/providers") return Response.json({ redirect_uri, providers });
      if (path !== "api/me") return elsewhere(input, init);
      const user = this.slow ? await this.slow() : this.user;
      if (user === undefined) throw new TypeError("Failed to fetch");
      if (typeof user === "number") return Response.json({ message: "no" }, { status: user });
      return Response.json({ identity: { username: user }, permissions: {} });
    };
  }
}
