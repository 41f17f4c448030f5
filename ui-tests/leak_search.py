"""Where a secret could have been left behind by a sign-in, as text to search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_process import JupyterServer
    from notebook_page import Notebook
    from providers.oidc_provider import Secret

#: Web storage, IndexedDB, caches, cookies, the document, and what the browser noted of requests.
_STORAGE = """async () => {
  const kept = {
    localStorage: {...localStorage}, sessionStorage: {...sessionStorage}, cookie: document.cookie,
    name: window.name, address: location.href, history: history.state,
    requests: performance.getEntries().map((entry) => entry.name),
    document: document.documentElement.outerHTML, databases: {}, caches: {},
    shadows: [...document.querySelectorAll('*')].map((node) => node.shadowRoot?.innerHTML).filter(Boolean),
    values: [...document.querySelectorAll('input, textarea')].map((node) => node.value),
  };
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  for (const {name} of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const objects = database.transaction(store).objectStore(store);
      kept.databases[`${name}/${store}`] = [await done(objects.getAllKeys()), await done(objects.getAll())];
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    const texts = (await cache.matchAll()).map((response) => response.clone().text());
    kept.caches[name] = [(await cache.keys()).map(({url}) => url), await Promise.all(texts)];
  }
  return JSON.stringify(kept);
}"""

#: Everything that can be reached from `window` by names, without running anybody's getters.
_GLOBALS = """(wanted) => {
  const seen = new Set([globalThis]), queue = [[globalThis, 'window']], found = [];
  let strings = 0;
  const look = (value, path) => {
    if (typeof value === 'string') {
      strings += 1;
      for (const secret of wanted) if (value.includes(secret)) found.push(`${path}: ${secret}`);
    } else if (Object(value) === value && !seen.has(value)) {
      seen.add(value);
      queue.push([value, path]);
    }
  };
  const text = (bytes) => new TextDecoder('latin1').decode(bytes);
  for (let entry; (entry = queue.pop()); ) {
    const [owner, path] = entry;
    try {
      if (owner instanceof ArrayBuffer) { look(text(owner), path); continue; }
      if (ArrayBuffer.isView(owner)) { look(text(owner.buffer), path); continue; }
      if (owner instanceof Map) {
        for (const [key, value] of owner) { look(key, `${path}<>`); look(value, `${path}<${String(key)}>`); }
      }
      if (owner instanceof Set) for (const value of owner) look(value, `${path}<>`);
      look(Object.getPrototypeOf(owner), `${path}.__proto__`);
      for (const key of Reflect.ownKeys(owner)) {
        const name = `${path}.${String(key)}`;
        look(key, name);
        const property = Object.getOwnPropertyDescriptor(owner, key);
        if (property && 'value' in property) look(property.value, name);
      }
    } catch { /* another origin's window, or a proxy that says no */ }
  }
  return {found, objects: seen.size, strings};
}"""

#: What a person would print, and what gets printed without being asked for.
_REPRS = """
def _reprs():
    import gc, json
    from pprint import pformat
    yield from (repr(w), str(w), f"{w}", pformat(w), repr(w.error), repr(dict(w.claims or {})))
    yield json.dumps(w.get_state(), default=repr)
    yield repr(w._repr_mimebundle_())
    yield from (repr(value) for name, value in vars(w).items() if name != "_trait_values")
    yield pformat(vars(w)["_trait_values"])
    # All objects of the package, wherever they are held.
    yield from (repr(o) for o in gc.get_objects() if str(type(o).__module__).startswith("oidc_widget"))
print("\\n".join(_reprs()))
"""


def places(nb: Notebook, server: JupyterServer) -> dict[str, str]:
    """Return what is kept of a notebook that was saved, of its page, its server and its kernel, by place."""
    page = nb.page
    checkpoint = nb.file.parent / ".ipynb_checkpoints" / f"{nb.file.stem}-checkpoint.ipynb"
    return {
        "notebook": nb.file.read_text(),
        "checkpoint": checkpoint.read_text(),
        "page": page.evaluate(_STORAGE),
        "cookies": json.dumps(page.context.cookies()),
        "browser's storage": json.dumps(page.context.storage_state(indexed_db=True)),
        "server's log": server.logged(),
        "kernel's reprs": nb.execute(_REPRS),
    }


def found(secrets: Sequence[Secret], texts: Mapping[str, str]) -> list[str]:
    """Return which kinds of secrets stand where, as they are or as an address would have them."""
    return [
        f"{secret.kind} in {place}"
        for place, text in texts.items()
        for secret in secrets
        if secret.value in text or quote(secret.value, safe="") in text
    ]


def found_in_globals(secrets: Sequence[Secret], nb: Notebook) -> list[str]:
    """Return the paths from `window` to secrets."""
    kinds = {secret.value: secret.kind for secret in secrets}
    walk = nb.page.evaluate(_GLOBALS, list(kinds))
    # The application alone has some hundred thousand: less means that the walk saw nothing of it.
    assert walk["objects"] > 50_000, walk
    assert walk["strings"] > 50_000, walk
    return [f"{kinds[line.rsplit(': ', 1)[1]]} in {line.rsplit(': ', 1)[0]}" for line in walk["found"]]
