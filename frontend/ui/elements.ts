/** The second half of a class name in the style sheet. */
export type Icon = "on" | "off" | "busy" | "warning";

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = "",
  attributes: Record<string, string> = {},
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  node.className = className;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
