"""A page that shows a sentence or two: what the callback addresses answer with.

The Jupyter server and the Hub's service both serve such pages to a popup that holds an
authorization code, so the page asks for nothing, may be framed by nobody, and runs no script
but the one whose hash its policy names. It is made once and holds nothing of the request.
"""

from __future__ import annotations

import base64
import hashlib
import html
from dataclasses import dataclass

__all__ = ["SECURITY_HEADERS", "MessagePage", "isolated"]

#: On every response, pages and JSON alike: an authorization code is in the address (RFC 9700 §4.2.4).
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# As quiet as JupyterLab: its sizes and brand blue. The browser's own colours for the scheme that the
# person prefers are within a shade of JupyterLab's themes, and have the better contrast.
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{display:grid;place-items:center;min-height:100vh;margin:0;font:14px/1.5 system-ui,sans-serif}"
    "div{max-width:26em;padding:16px 24px;border-left:2px solid #1976d2}"
    "p{margin:8px 0;overflow-wrap:anywhere}"
    "p:first-child{font-size:16px;font-weight:600}"
)


def _source(text: str) -> str:
    """Return the CSP source expression of an inline element (CSP Level 3 §8.3)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


#: They turn the order of what follows (Unicode Standard Annex 9 §2).
_DIRECTIONS = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)


def isolated(name: str) -> str:
    """Return somebody else's text as a part of a sentence, whose order it can't turn.

    Returns
    -------
    str
        It, without what only changes directions; in an isolate of its own where it may have another one.
    """
    plain = name.translate(_DIRECTIONS)
    return plain if plain.isascii() else f"\u2068{plain}\u2069"


@dataclass(frozen=True)
class MessagePage:
    """A page of plain sentences.

    Parameters
    ----------
    sentences : tuple of str
        Text, the first one as the heading. It is escaped.
    script : str, optional
        The one script of the page.
    beside : bool
        Whether the sentences are shown beside the script's work, and not only where no script runs.
    """

    sentences: tuple[str, ...]
    script: str = ""
    beside: bool = False

    @property
    def html(self) -> str:
        """The document."""
        text = "".join(f"<p>{html.escape(sentence, quote=False)}" for sentence in self.sentences)
        if self.script and not self.beside:
            # The sentences are for a browser that runs no script.
            text = f"<noscript>{text}</noscript>"
        script = f"<script>{self.script}</script>" if self.script else ""
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Sign-in</title>"
            "<meta name=viewport content=width=device-width>"
            f"<style>{_STYLE}</style><div role=status>{text}</div>{script}"
        )

    @property
    def content_security_policy(self) -> str:
        """The policy: nothing but the page's own style and script."""
        return "; ".join(
            [
                "default-src 'none'",
                f"style-src {_source(_STYLE)}",
                *([f"script-src {_source(self.script)}"] if self.script else []),
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            ]
        )

    @property
    def headers(self) -> dict[str, str]:
        """All headers of a response with this page."""
        return {
            **SECURITY_HEADERS,
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": self.content_security_policy,
        }
