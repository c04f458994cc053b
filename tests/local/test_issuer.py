"""The issuer: an OpenID provider whose tokens verify, over real HTTPS."""

import base64
import contextlib
import datetime as dt
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import jwt
import pytest

from hotsite.local import records
from hotsite.local.certificates import Authority
from hotsite.local.issuer import TOKEN_S, IssuerConfig
from hotsite.local.signin import CODE_S, SignIn

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    authority = Authority(folder, dt.datetime.now(dt.UTC))
    pair = authority.server("issuer", ["127.0.43.53"])
    config = IssuerConfig(
        address="127.0.43.53",
        port=8444,
        certificate=str(pair.certificate),
        private_key=str(pair.private_key),
        audience="hotsite",
        scope="devices:write",
        username="companion",
        password="right",
    )
    records.write(config, folder / "issuer.json")
    command = [
        sys.executable,
        "-m",
        "hotsite.local.issuer",
        str(folder / "issuer.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["kind"] == "ready"
        context = ssl.create_default_context(cafile=authority.pair.certificate)
        yield config, context, command
        process.kill()


def fetch(issuer, path, form=None, headers=None):
    config, context, _ = issuer
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(config.url + path, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


PASSWORD = {"grant_type": "password", "username": "companion", "password": "right"}
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "companion",
    "client_secret": "right",
}


@pytest.mark.parametrize("form", [PASSWORD, CLIENT])
def test_a_token_verifies_by_discovery_alone(issuer, form):
    config, context, _ = issuer
    _, metadata = fetch(issuer, "/.well-known/openid-configuration")
    assert metadata["issuer"] == config.url
    status, answer = fetch(issuer, "/token", form)
    assert (status, answer["token_type"]) == (200, "Bearer")
    keys = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=context)
    key = keys.get_signing_key_from_jwt(answer["access_token"])
    claims = jwt.decode(
        answer["access_token"],
        key.key,
        algorithms=["RS256"],
        audience="hotsite",
        issuer=config.url,
    )
    assert claims["scope"] == "devices:write"
    assert claims["exp"] - claims["iat"] == TOKEN_S == 3600
    assert abs(claims["iat"] - time.time()) < 10


def test_basic_authentication_of_a_client_is_taken(issuer):
    word = base64.b64encode(b"companion:right").decode()
    form = {"grant_type": "client_credentials"}
    headers = {"Authorization": f"Basic {word}"}
    assert fetch(issuer, "/token", form, headers)[0] == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({**PASSWORD, "password": "wrong"}, 400, "invalid_grant"),
        ({**CLIENT, "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "invalid_grant"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_is_refused_as_oauth_says(issuer, form, status, error):
    assert fetch(issuer, "/token", form) == (status, {"error": error})


def test_an_unknown_path_is_not_found(issuer):
    assert fetch(issuer, "/admin")[0] == 404


def test_a_client_that_says_nothing_stops_nobody(issuer):
    config, _, _ = issuer
    with socket.create_connection((config.address, config.port)):
        assert fetch(issuer, "/jwks.json")[0] == 200


def test_a_taken_port_ends_it_with_exit_code_3(issuer):
    _, _, command = issuer
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 3
    assert "issuer:" in done.stderr


VERIFIER = "a-verifier-of-at-least-forty-three-characters-0"
REDIRECT = "http://127.0.0.1:8088/"


def asked(**changes):
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": "companion",
        "redirect_uri": REDIRECT,
        "scope": "devices:write",
        "state": "s&1",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return {**query, **changes}


def page(issuer, form=None, **changes):
    """Ask for the sign-in page, or fill it in; return status, text and location."""
    config, context, _ = issuer
    connection = http.client.HTTPSConnection(
        config.address, config.port, context=context, timeout=5
    )
    query = urllib.parse.urlencode(asked(**changes))
    if form is None:
        connection.request("GET", f"/authorize?{query}")
    else:
        body = urllib.parse.urlencode({**asked(**changes), **form})
        connection.request("POST", "/authorize", body)
    answer = connection.getresponse()
    with contextlib.closing(connection):
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")


def redeemed(issuer, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "client_id": "companion",
        "redirect_uri": REDIRECT,
        "code": code,
        "code_verifier": VERIFIER,
        **changes,
    }
    return fetch(issuer, "/token", form)


def code_of(location):
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    assert location.startswith(REDIRECT)
    assert query["state"] == "s&1"
    return query["code"]


RIGHT = {"username": "companion", "password": "right"}


def test_who_signs_in_gets_a_code_that_is_worth_one_token(issuer):
    status, text, _ = page(issuer)
    assert status == 200
    assert 'type="password"' in text
    status, _, location = page(issuer, RIGHT)
    assert status == 303
    code = code_of(location)
    assert redeemed(issuer, code)[1]["token_type"] == "Bearer"
    assert redeemed(issuer, code) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "another"},
        {"redirect_uri": "http://127.0.0.1:1/"},
        {"client_id": "other"},
    ],
)
def test_a_code_is_worth_nothing_to_anybody_else(issuer, changes):
    code = code_of(page(issuer, RIGHT)[2])
    assert redeemed(issuer, code, **changes) == (400, {"error": "invalid_grant"})
    assert redeemed(issuer, code) == (400, {"error": "invalid_grant"})


def test_a_wrong_password_is_said_on_the_page(issuer):
    status, text, location = page(issuer, {**RIGHT, "password": "wrong"})
    assert (status, location) == (401, "")
    assert "password is wrong" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://elsewhere.example/"},
        {"client_id": "other"},
        {"response_type": "token"},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
    ],
)
def test_an_authorisation_request_out_of_order_is_sent_nowhere(issuer, changes):
    status, _, location = page(issuer, RIGHT, **changes)
    assert (status, location) == (400, "")


def test_a_code_ages():
    sign_in = SignIn("companion", "right")
    code = code_of(sign_in.answer({**asked(), **RIGHT}, now_s=0.0).location)
    form = {
        "client_id": "companion",
        "redirect_uri": REDIRECT,
        "code": code,
        "code_verifier": VERIFIER,
    }
    assert not sign_in.redeem(form, now_s=CODE_S)
