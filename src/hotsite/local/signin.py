"""The issuer's sign-in page: authorisation code with PKCE (RFC 6749 4.1, RFC 7636).

Decides only; sockets are the issuer's. A code is for one client, one redirect and
one challenge, lives a minute and is taken once (RFC 6749, 10.5). It redirects to
loopback addresses alone (RFC 8252, 7.3): a local cloud's app is served there.
"""

import base64
import hashlib
import hmac
import html
import re
import secrets
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

CODE_S = 60.0
_CODES_MAX = 1_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# RFC 7636, 4.2: BASE64URL of a SHA-256.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_KEPT = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
_STYLE = """
:root{color-scheme:light dark;--ink:#1c2128;--paper:#fff;--line:#aab4bf;--go:#2b5c9e;
--on:#fff;--bad:#a40e26}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#12161b;--line:#56616d;
--go:#79aaea;--on:#0d1520;--bad:#ff9aa2}}
body{margin:0 auto;padding:12vh 1.25rem 2rem;max-width:24rem;background:var(--paper);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{box-sizing:border-box;width:100%;padding:.7rem;font:inherit;color:inherit;
background:transparent;border:1px solid var(--line);border-radius:.5rem}
button{width:100%;margin-top:1.5rem;padding:.8rem;font:inherit;font-weight:600;border:0;
border-radius:.5rem;background:var(--go);color:var(--on)}
p.bad{color:var(--bad);font-weight:600}
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the browser gets.

    Attributes:
        status: Of HTTP.
        page: HTML; empty when it is sent on.
        location: Where it is sent on to; empty when there is a page.
    """

    status: int
    page: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str
    until_s: float


class SignIn:
    """The page and the codes of one user.

    Args:
        username: The one user; also the only client id.
        password: Of that user.
    """

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        self._codes: dict[str, _Code] = {}
        self._lock = threading.Lock()

    def ask(self, query: Mapping[str, str]) -> Reply:
        """Show the page for a request that is in order.

        Args:
            query: The authorisation request.
        """
        problem = self._problem(query)
        if problem:
            # Never sent on: whoever asked may not be who is named (RFC 6749, 4.1.2.1).
            return Reply(400, page=_page(f'<p class="bad">{html.escape(problem)}</p>'))
        return Reply(200, page=_form(query))

    def answer(self, form: Mapping[str, str], *, now_s: float) -> Reply:
        """Check what the user typed; send the browser on with a code.

        Args:
            form: The page's fields.
            now_s: Seconds, of a clock that only goes forward.
        """
        asked = self.ask(form)
        if asked.status != 200:  # noqa: PLR2004
            return asked
        given = f"{form.get('username', '')}:{form.get('password', '')}"
        wanted = f"{self._username}:{self._password}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            return Reply(401, page=_form(form, "User name or password is wrong."))
        code = secrets.token_urlsafe(32)
        with self._lock:
            alive = {
                key: kept for key, kept in self._codes.items() if kept.until_s > now_s
            }
            self._codes = dict(list(alive.items())[-_CODES_MAX:])
            self._codes[code] = _Code(
                form["client_id"],
                form["redirect_uri"],
                form["code_challenge"],
                now_s + CODE_S,
            )
        words = urllib.parse.urlencode({"code": code, "state": form.get("state", "")})
        joint = "&" if "?" in form["redirect_uri"] else "?"
        return Reply(303, location=f"{form['redirect_uri']}{joint}{words}")

    def redeem(self, form: Mapping[str, str], *, now_s: float) -> bool:
        """Take a code, once.

        Args:
            form: The token request.
            now_s: Seconds, of the same clock.

        Returns:
            Whether it is worth a token.
        """
        with self._lock:
            kept = self._codes.pop(form.get("code", ""), None)
        if kept is None or kept.until_s <= now_s:
            return False
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return (
            form.get("client_id") == kept.client_id
            and form.get("redirect_uri") == kept.redirect_uri
            and hmac.compare_digest(challenge, kept.challenge)
        )

    def _problem(self, query: Mapping[str, str]) -> str:
        redirect = urllib.parse.urlsplit(query.get("redirect_uri", ""))
        if query.get("client_id") != self._username:
            return "This issuer does not know the app that asks."
        if redirect.scheme != "http" or redirect.hostname not in _LOOPBACK:
            return "The app wants the answer at an address that is not on this machine."
        if query.get("response_type") != "code":
            return "Only the authorisation code flow is supported."
        is_s256 = query.get("code_challenge_method") == "S256"
        if not is_s256 or not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
            return "The app sent no proof key (PKCE, S256)."
        return ""


def _form(query: Mapping[str, str], problem: str = "") -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(query[name])}">'
        for name in _KEPT
        if name in query
    )
    said = f'<p class="bad" role="alert">{html.escape(problem)}</p>' if problem else ""
    return _page(
        f'{said}<form method="post">{hidden}'
        '<label for="username">User name</label>'
        '<input id="username" name="username" autocomplete="username" required>'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" '
        'autocomplete="current-password" required>'
        "<button>Sign in</button></form>"
    )


def _page(inner: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Sign in to the local cloud</title><style>{_STYLE}</style>"
        f"<main><h1>Sign in to the local cloud</h1>{inner}</main></html>"
    )
