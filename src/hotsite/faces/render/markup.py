"""Elements of HTML and SVG that cannot be unescaped by mistake.

Plain strings are text and are escaped; only ``tag`` makes markup.
"""

from html import escape


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: The element's name.
        *children: Markup is kept, any other string is escaped.
        **attributes: Values are escaped, numbers shortened; a trailing ``_`` is
            dropped and others become ``-``; None leaves the attribute out.

    Returns:
        The element, closed.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{pairs}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Return several pieces as one; strings that are no markup are escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child, quote=False)
            for child in children
        )
    )


def _short(value: object) -> str:
    return (
        f"{value:.2f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else str(value)
    )
