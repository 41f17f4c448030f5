// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { JupyterHost } from "../../client/host.js";
import { english } from "../../client/translate.js";
import type { VaultClient, VaultListener } from "../../client/vault-client.js";
import { loginRequest } from "../../testing/provider.js";
import type { FromVault, LinkState, SessionInfo, ToVault } from "../../vault/messages.js";
import { cellSource } from "./cell-source.js";
import { type Choice, type Choices, choiceOf, findChoices } from "./choices.js";
import { type RowActions, RowView } from "./row-view.js";
import { Rows } from "./rows.js";

const HOST: JupyterHost = { baseUrl: "/", filesUrl: "", headers: () => ({}) };
const ACTIONS: RowActions = {
  activeNotebook: () => null,
  insertCode() {},
  goTo() {},
  openSettings() {},
  addAccount() {},
  dismiss: (row) => rows.dismiss(row),
};
const SERVER = { redirect_uri: null, providers: [] };

/** What the rows told the vault. */
let said: ToVault[];
let rows: Rows;
let listeners: VaultListener[];
const tell = (message: FromVault) => {
  for (const listener of listeners) listener(message);
};

beforeEach(() => {
  [said, listeners] = [[], []];
  const vault = {
    send: (message: ToVault) => void said.push(message),
    listen: (listener: VaultListener) => {
      listeners.push(listener);
      return () => undefined;
    },
    onConnected: (greeter: () => void) => {
      greeter();
      return () => undefined;
    },
    introduceServer: () => undefined,
    connect: async () => true,
    id: "vault-1",
    inPage: false,
  };
  rows = new Rows(vault as unknown as VaultClient, HOST);
});

const choice = (redirect_uri: string | null = null): Choice => ({
  label: "Corp",
  wanted: {
    authority: "https://corp.example.com",
    client_id: "notebooks",
    provider: null,
    scopes: ["openid"],
    resource: null,
    audience: null,
    redirect_uri,
    extra_params: {},
  },
});

const choices = (...list: Choice[]): Choices => ({ list, server: { redirect_uri: null, providers: [] } });
const settled = () => new Promise((resolve) => setTimeout(resolve));

const session = (session_id: string, login_hint: string, changes: Partial<SessionInfo> = {}): SessionInfo => ({
  session_id,
  account: login_hint,
  subject: login_hint,
  login_hint,
  host: "corp.example.com",
  configured: false,
  uses: [],
  request: { ...loginRequest(), authority: "https://corp.example.com", client_id: "notebooks" },
  ...changes,
});

test("a session that only a notebook names keeps how it was signed in to", () => {
  const request = loginRequest({
    redirect_uri: "https://fixed.example.com/callback",
    extra_params: { connector_id: "ldap", login_hint: "alice", prompt: "login" },
  });
  const { label, wanted } = choiceOf(session("1", "alice", { request, label: "Corp" }), SERVER, HOST);
  expect(wanted).toMatchObject({
    redirect_uri: "https://fixed.example.com/callback",
    extra_params: { connector_id: "ldap" },
  });
  // What the notebook called it is no name in a list that outlives the notebook.
  expect(label).toBe("corp.example.com");
  const own = {
    ...request,
    redirect_uri: "http://localhost:3000/oidc-widget/callback/corp.example.com.0123456789abcdef",
  };
  expect(choiceOf(session("1", "alice", { request: own }), SERVER, HOST).wanted.redirect_uri).toBeNull();
});

test("a provider whose settings were changed is asked for as they are now", async () => {
  rows.choices = choices(choice("https://old.example.com/callback"));
  const [before] = rows.list;
  rows.choices = choices(choice("https://old.example.com/callback"));
  expect(rows.list[0].login).toBe(before.login);
  rows.choices = choices(choice("https://new.example.com/callback"));
  expect(rows.list).toHaveLength(1);
  await settled();
  const asked = said.flatMap((message) => (message.type === "link" ? [message.wanted.redirect_uri] : []));
  expect(asked).toEqual(["https://old.example.com/callback", "https://new.example.com/callback"]);
  expect(said).toContainEqual({ type: "unlink", link_id: before.login.id, gone: false });
});

test("a configured provider's icon stands beside its label, and says nothing of its own", async () => {
  const corp = { name: "corp", label: "Corp", authority: "https://corp.example.com", client_id: "n", scopes: [] };
  const providers = [
    { ...corp, icon: "/static/corp.svg" },
    { ...corp, name: "other", label: "Other", icon: null },
  ];
  vi.stubGlobal("fetch", async () => Response.json({ redirect_uri: null, providers }));
  const { list } = await findChoices(HOST, null);
  rows.choices = choices(...list);
  const nodes = rows.list.map((row) => new RowView(row, ACTIONS, english).node);
  const pictures = nodes.map((node) => node.querySelector(".oidc-row-title img"));
  expect(pictures[0]?.getAttribute("src")).toBe("/static/corp.svg");
  expect(pictures[0]?.getAttribute("alt")).toBe("");
  expect(pictures[1]).toBeNull();
  expect(nodes.map((node) => node.querySelector(".oidc-row-title")?.textContent)).toEqual(["Corp", "Other"]);
});

test("nothing is listed before the providers are known, which say what a session is called", () => {
  tell({ type: "sessions", sessions: [session("1", "alice")] });
  expect(rows.list).toEqual([]);
  expect(said.filter(({ type }) => type === "link")).toEqual([]);
  rows.choices = choices(choice());
  expect(rows.list.map(({ choice }) => choice.label)).toEqual(["Corp"]);
});

describe("a second account of a provider", () => {
  test("is named by the code that its row inserts; one alone need not be", () => {
    rows.choices = choices(choice());
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    expect(rows.list.map(({ code }) => code)).toEqual([undefined]);
    tell({ type: "sessions", sessions: [session("1", "alice"), session("2", "bob")] });
    const sources = rows.list.map(({ code }) => cellSource(code ?? choice()));
    expect(sources.map((source) => /login_hint":"(\w+)/.exec(source)?.[1])).toEqual(["alice", "bob"]);
  });

  test("is told apart also where no setting names the provider, and its row outlives other news", () => {
    rows.choices = choices();
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    const [alice] = rows.list;
    rows.addAccount(alice.choice);
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    expect(rows.list.map(({ another }) => another)).toEqual([undefined, true]);
    tell({ type: "sessions", sessions: [session("1", "alice"), session("2", "bob")] });
    const hints = rows.list.flatMap(({ code }) => code?.wanted.extra_params.login_hint ?? []);
    expect(hints).toEqual(["alice", "bob"]);
  });

  test("is signed in to by one click, in a row that says so", () => {
    vi.stubGlobal(
      "open",
      vi.fn(() => ({ closed: false, close() {}, location: {} })),
    );
    rows.choices = choices(choice());
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    rows.addAccount(choice());
    expect(open).toHaveBeenCalledTimes(1);
    expect(rows.list).toHaveLength(2);
    const view = new RowView(rows.list[1], ACTIONS, english);
    expect(view.node.getAttribute("aria-label")).toBe("Corp, another account");
    expect(shownButtons(view)).toEqual(["Cancel"]);
  });
});

const shownButtons = ({ node }: RowView) =>
  [...node.querySelectorAll("button")]
    .filter((each) => !each.closest("[hidden]"))
    .map(({ textContent }) => textContent);

describe("a row that is signed out", () => {
  const state = (link_id: string, state: LinkState) => tell({ type: "state", link_id, state });

  test("by the provider can be dismissed, which ends the session", () => {
    rows.choices = choices(choice());
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    const [row] = rows.list;
    state(row.login.id, { status: "expired", ended_by_provider: true });
    const view = new RowView(row, ACTIONS, english);
    const dismiss = [...view.node.querySelectorAll("button")].find(({ textContent }) => textContent === "Dismiss");
    expect(shownButtons(view)).toContain("Dismiss");
    dismiss?.click();
    expect(said).toContainEqual({ type: "sign_out", link_id: row.login.id });
    expect(rows.list).toEqual([]);
  });

  test("here stays for its offer, and is gone when nobody looks any more", () => {
    rows.choices = choices(choice());
    tell({ type: "sessions", sessions: [session("1", "alice")] });
    const [row] = rows.list;
    state(row.login.id, { status: "signed_out", logout: true });
    tell({ type: "sessions", sessions: [] });
    expect(rows.list.map(({ signedOut }) => signedOut)).toEqual([undefined, "alice"]);
    rows.tidy();
    expect(rows.list.map(({ signedOut }) => signedOut)).toEqual([undefined]);
  });
});

test("a configured provider is asked for by its name alone: what it stands for, the server knows", () => {
  rows.choices = choices({ ...choice(), wanted: { ...choice().wanted, provider: "corp" } });
  expect(said).toContainEqual(
    expect.objectContaining({
      type: "link",
      wanted: expect.objectContaining({ provider: "corp", authority: null, client_id: null }),
    }),
  );
});
