"""What every HTML file of a release has: text that cannot become markup, a head, languages, and how anything looks.

Each file needs nothing else: no script, no request. Its markup is well-formed XML, too, so that any parser reads it.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from pipelines.companions.palette import ACCENT, INK, PAPER

CHINESE, ENGLISH = "zh-Hans", "en"
"""Languages, as the markup names them."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
END = "</body>\n</html>\n"
_LATIN = '"Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial'
_HAN = (
    '"Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", '
    '"Microsoft YaHei", "WenQuanYi Micro Hei"'
)
STYLE = f"""
:root {{ color-scheme: light; }}
*, *::before, *::after {{ box-sizing: border-box; }}
html {{ font-size: 100%; -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }}
[lang|=zh] {{ font-family: {_HAN}, {_LATIN}, sans-serif; }}
[lang|=en] {{ font-family: {_LATIN}, {_HAN}, sans-serif; }}
body {{ margin: 0; background: {PAPER}; color: {INK}; font-size: 1rem; line-height: 1.65; }}
a {{ color: {ACCENT}; text-underline-offset: .2em; overflow-wrap: anywhere; }}
:focus-visible {{ outline: 3px solid {ACCENT}; outline-offset: 2px; border-radius: 2px; }}
@page {{ margin: 14mm; }}
"""
"""What both files look like; each adds its own."""


def text(said: str) -> str:
    """Text to be put between tags."""
    return escape(said)


def attribute(said: str) -> str:
    """The value of an attribute, with its quotes."""
    return quoteattr(said)


def head(title: str, style: str, language: str) -> str:
    """A file up to where its body begins; `style` is added to what all look like."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" xml:lang="{language}">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="referrer" content="no-referrer"/>\n<link rel="icon" href="data:,"/>\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n"
    )
