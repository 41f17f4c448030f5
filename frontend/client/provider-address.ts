/** The host of a provider's address, with its port; the address itself where it has none. */
export function hostOf(authority: string | null): string {
  return (URL.canParse(authority ?? "") && new URL(authority ?? "").host) || (authority ?? "");
}
