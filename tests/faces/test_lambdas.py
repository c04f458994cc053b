"""The parts of the Lambdas that need no AWS."""

import base64
import json

import pytest

from hotsite.adapters.aws.trust import AMAZON_ROOT_CA_1
from hotsite.core.onboarding import Answer, Names
from hotsite.core.registry import Certificate
from hotsite.core.sweeping import Mode, Report
from hotsite.errors import (
    AlreadyUsedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermanentError,
    RefusedError,
    ThrottledError,
    TooOftenError,
    UnreachableError,
    UnsafePlanError,
)
from hotsite.faces.lambdas import environment, http, measures
from hotsite.flows.hearing import Hearing, Taken

ENVIRON = {
    "SITE_REGION": "eu-west-1",
    "SITE_LETTER": "b",
    "DOMAIN": "example.com",
    "TABLE_REGISTRY": "r",
    "TABLE_TELEMETRY": "t",
    "TABLE_APPLIED": "a",
    "TABLE_OPERATIONS": "o",
    "FLEET_GROUP": "fleet",
    "THING_TYPE": "device",
    "PREFIX": "hotsite",
}


def test_names_that_devices_are_told_are_the_owners():
    names = environment.read(ENVIRON).names
    assert names.iot == ("iot.example.com", "iot-a.example.com", "iot-b.example.com")
    assert (names.api, names.port) == ("api.example.com", 8883)


def test_devices_are_told_of_each_site_and_the_guard_of_each_other_one():
    found = environment.read(ENVIRON | {"SITE_LETTERS": "a,b,c"})
    assert found.names.iot[1:] == tuple(f"iot-{one}.example.com" for one in "abc")
    assert found.others == ("a", "c")
    assert environment.read(ENVIRON).others == ("a",)
    with pytest.raises(InvalidInputError, match="no site 'x'"):
        environment.read(ENVIRON | {"SITE_LETTERS": "a,b,x"})


@pytest.mark.parametrize("key", sorted(ENVIRON))
def test_missing_variable_is_named(key):
    environ = {name: value for name, value in ENVIRON.items() if name != key}
    with pytest.raises(InvalidInputError, match=f"{key} is not set"):
        environment.read(environ)


def test_port_that_is_no_number_is_named():
    with pytest.raises(InvalidInputError, match="MQTT_PORT"):
        environment.read(ENVIRON | {"MQTT_PORT": "mqtt"})


def test_telemetry_is_kept_a_month_and_without_a_spread_unless_told_otherwise():
    usual = environment.read(ENVIRON)
    told = environment.read(ENVIRON | {"HOT_DAYS": "7", "THROTTLE_SPREAD_S": "33.3"})
    assert (usual.hot_days, usual.throttle_spread_s) == (30, None)
    assert (told.hot_days, told.throttle_spread_s) == (7, 33.3)
    assert (usual.cold_stream, usual.error_bucket) == ("", "")


def test_quotas_are_those_of_aws_unless_raised():
    raised = {"RAISED_QUOTAS": '{"CreateThing": 250}'}
    usual, more = environment.read(ENVIRON), environment.read(ENVIRON | raised)
    assert (usual.quotas["CreateThing"], more.quotas["CreateThing"]) == (100, 250)
    assert usual.quotas["UpdateThing"] == more.quotas["UpdateThing"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"CreateThink": 9}', "CreateThink"),
        ('{"CreateThing": 0}', "above 0"),
        ('{"CreateThing": true}', "above 0"),
        ('{"CreateThing": "9"}', "above 0"),
    ],
)
def test_quotas_that_make_no_sense_are_refused(text, message):
    with pytest.raises(InvalidInputError, match=message):
        environment.read(ENVIRON | {"RAISED_QUOTAS": text})


@pytest.mark.parametrize(
    ("given", "ca"), [({}, AMAZON_ROOT_CA_1), ({"DEVICE_CA": "own"}, "own")]
)
def test_devices_trust_amazon_unless_told_otherwise(given, ca):
    assert environment.read(ENVIRON | given).device_ca == ca


def test_body_is_read_plain_and_in_base64():
    text = json.dumps({"claim": "ü"})
    encoded = base64.b64encode(text.encode()).decode()
    assert http.body({"body": text}) == {"claim": "ü"}
    assert http.body({"body": encoded, "isBase64Encoded": True}) == {"claim": "ü"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"body": None},
        {"body": "{"},
        {"body": "x", "isBase64Encoded": True},
        {"body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True},
        {"body": "ü", "isBase64Encoded": True},
    ],
)
def test_body_that_is_no_json_is_refused(event):
    with pytest.raises(InvalidInputError, match="JSON"):
        http.body(event)


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (InvalidInputError, 400, "invalid-request"),
        (RefusedError, 403, "refused"),
        (NotFoundError, 404, "not-found"),
        (AlreadyUsedError, 409, "already-used"),
        (UnsafePlanError, 409, "too-many-certificates"),
        (TooOftenError, 429, "too-many-requests"),
        (ConflictError, 503, "try-again"),
        (ThrottledError, 503, "try-again"),
        (UnreachableError, 503, "try-again"),
        (PermanentError, 500, "internal"),
    ],
)
def test_error_becomes_a_problem_that_says_no_more_than_it_may(kind, status, name):
    reply = http.problem(kind("table hotsite-registry"))
    document = json.loads(reply["body"])
    assert reply["statusCode"] == status
    assert reply["headers"]["content-type"] == "application/problem+json"
    assert document["type"] == f"urn:hotsite:problem:{name}"
    assert document["status"] == status
    assert document["title"]
    assert ("hotsite-registry" in document["detail"]) == (status < 500)
    assert ("retry-after" in reply["headers"]) == (status in {429, 503})


def test_answer_is_not_to_be_cached():
    reply = http.answer(201, {"thing": "oven"})
    assert reply["headers"]["cache-control"] == "no-store"
    assert json.loads(reply["body"]) == {"thing": "oven"}


def test_document_of_a_device_holds_what_it_needs_and_no_more():
    names = Names(("iot.example.com",), "api.example.com", 443)
    given = Answer("oven", Certificate("c1", "PEM"), "CA", names)
    assert http.onboarded(given) == {
        "thing": "oven",
        "certificate_id": "c1",
        "certificate": "PEM",
        "ca": "CA",
        "iot": {"names": ["iot.example.com"], "port": 443},
        "api": "api.example.com",
    }


def test_refused_deletions_are_counted_whoever_refuses_them():
    gone = Taken("thing#oven", "6 more after 5", is_refused=True)
    heard = Hearing((gone, gone, Taken("thing#lamp", "changed outside")), (), 0)
    swept = Report(Mode.ADOPT, 1.0, ended_at_s=9.0, refused=("6 of kind thing",))
    quiet = Report(Mode.ADOPT, 1.0, ended_at_s=9.0)
    told = (measures.of_hearing(heard), measures.of_pass(swept))
    for metrics, expected in zip(
        (*told, measures.of_pass(quiet)), (2, 1, 0), strict=True
    ):
        (values,) = (one.values for one in metrics if one.name == measures.REFUSED)
        assert values == (expected,)
