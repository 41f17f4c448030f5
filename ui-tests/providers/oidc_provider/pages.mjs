/** Plain pages: no script, nothing from elsewhere. */
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHTML(value) {
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/**
 * Answer with a page of these parts: `{name, text}` (a line that tests can find by `data-name`), `{submit, form, name, value}`
 * (a button), or `{html}`.
 */
export function page(ctx, title, ...parts) {
  ctx.type = "html";
  ctx.set("Cache-Control", "no-store");
  ctx.body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>${escapeHTML(title)}</title>
<style>body { font: 16px system-ui; max-width: 24rem; margin: 3rem auto } label, button { display: block; margin: .5rem 0 }</style>
<h1>${escapeHTML(title)}</h1>
${parts.map(render).join("\n")}
</html>`;
}

function render(part) {
  if (part.html !== undefined) return part.html;
  if (part.submit !== undefined) {
    const attributes = ["form", "name", "value"]
      .filter((name) => part[name] !== undefined)
      .map((name) => `${name}="${escapeHTML(part[name])}"`);
    return `<button type="submit" ${attributes.join(" ")}>${escapeHTML(part.submit)}</button>`;
  }
  return `<p data-name="${escapeHTML(part.name)}">${escapeHTML(part.name)}: <b>${escapeHTML(part.text)}</b></p>`;
}
