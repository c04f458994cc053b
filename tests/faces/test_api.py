"""The onboarding API as an app meets it, and its published contract."""

import json

import pytest
from tests.faces.api_world import (
    SECRET,
    World,
    event_of,
    operation,
    resolve,
    validator,
)

from hotsite.adapters import device_key
from hotsite.core import escrow
from hotsite.core.enrolment import Deed, Sighting
from hotsite.core.registry import thing_key
from hotsite.faces.lambdas import api, http
from hotsite.sim.tables import replicate

ENROL, LIST = "POST /v1/devices", "GET /v1/devices"
SHOW, REVOKE = "GET /v1/devices/{thing}", "DELETE /v1/devices/{thing}"
ROTATE = "POST /v1/devices/{thing}/certificates"
REVOKE_ONE = "DELETE /v1/devices/{thing}/certificates/{certificate_id}"
KEY = "POST /v1/devices/{thing}/certificates/{certificate_id}/key"
OPERATIONS = [
    f"{method.upper()} {path}"
    for path, operations in api.document()["paths"].items()
    for method in operations
    if method != "parameters"
]


def kind_of(document):
    return document["type"].removeprefix(http.PROBLEM)


@pytest.fixture
def world():
    return World()


def test_enrolled_device_is_in_its_owners_list_and_in_nobody_elses(world):
    world.enrol("oven")
    world.enrol("lamp", user="bob")
    _, mine = world.ask(LIST)
    assert [one["thing"] for one in mine["devices"]] == ["oven"]
    assert mine["devices"][0]["status"] == "active"
    assert mine["devices"][0]["attributes"] == {"model": "x1"}
    assert mine["devices"][0]["last_seen"] is None
    status, problem = world.ask(SHOW, user="bob", thing="oven")
    assert (status, kind_of(problem)) == (404, "not-found")
    assert "oven" in problem["detail"]


def test_last_seen_is_the_newest_message_here(world):
    world.enrol("oven")
    world.last_messages.sightings["oven"] = Sighting(12.5, "eu-west-1")
    _, shown = world.ask(SHOW, thing="oven")
    assert shown["last_seen"] == {"at_s": 12.5, "region": "eu-west-1"}


def test_long_list_comes_in_pages_and_ends(world):
    for number in range(5):
        world.enrol(f"oven-{number}")
    found, after = [], {}
    while True:
        _, page = world.ask(LIST, query={"limit": "2", **after})
        found += [one["thing"] for one in page["devices"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == [f"oven-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "26"}, {"limit": "x"}, {"after": "a/b"}]
)
def test_page_that_cannot_be_is_refused(world, query):
    status, problem = world.ask(LIST, query=query)
    assert (status, kind_of(problem)) == (400, "invalid-request")


def test_used_claim_is_the_same_owners_alone(world):
    key = device_key.make("oven")
    first = world.enrol("oven", key=key)
    assert world.enrol("oven", key=key) == first
    status, problem = world.enrol("oven", user="bob", key=key)
    assert (status, kind_of(problem)) == (409, "already-used")
    status, problem = world.enrol("oven")
    assert (status, kind_of(problem)) == (409, "already-used")
    assert world.ask(LIST, user="bob")[1] == {"devices": [], "next": None}


@pytest.mark.parametrize("csr", ["nonsense", device_key.make("other").csr_pem])
def test_claim_survives_a_signing_request_that_is_not_good(world, csr):
    world.claim("oven")
    body = {"claim": {"id": "oven", "secret": SECRET}, "csr": csr}
    assert world.ask(ENROL, body=body)[0] == 400
    assert world.enrol("oven")[0] == 201


@pytest.mark.parametrize("user", [None, "", "ü", "x" * 256, "a\nb"])
def test_token_without_a_user_owns_nothing(world, user):
    status, problem = world.ask(LIST, user=user)
    assert (status, kind_of(problem)) == (403, "refused")


@pytest.mark.parametrize("route", [SHOW, REVOKE, ROTATE, REVOKE_ONE])
def test_device_of_another_is_as_good_as_none(world, route):
    _, given = world.enrol("oven", user="bob")
    body = {"csr": device_key.make("oven").csr_pem}
    path = {"thing": "oven", "certificate_id": given["certificate_id"]}
    assert world.ask(route, body=body, **path)[0] == 404
    assert world.registry.can_connect("oven")


def test_rotation_overlaps_and_ends_when_the_old_one_is_revoked(world):
    _, first = world.enrol("oven")
    body = {"csr": device_key.make("oven").csr_pem}
    status, second = world.ask(ROTATE, thing="oven", body=body)
    assert status == 201
    assert world.ask(ROTATE, thing="oven", body=body) == (201, second)
    attached = world.registry.observe(thing_key("oven")).attached
    ids = {first["certificate_id"], second["certificate_id"]}
    assert set(attached) == ids
    third = {"csr": device_key.make("oven").csr_pem}
    status, problem = world.ask(ROTATE, thing="oven", body=third)
    assert (status, kind_of(problem)) == (409, "too-many-certificates")
    old = {"thing": "oven", "certificate_id": first["certificate_id"]}
    assert world.ask(REVOKE_ONE, **old) == (204, None)
    assert world.ask(REVOKE_ONE, **old) == (204, None)
    _, shown = world.ask(SHOW, thing="oven")
    assert {one["certificate_id"]: one["status"] for one in shown["certificates"]} == {
        first["certificate_id"]: "REVOKED",
        second["certificate_id"]: "ACTIVE",
    }
    assert world.ask(ROTATE, thing="oven", body=third)[0] == 201


def test_device_that_was_shut_out_stays_out(world):
    world.enrol("oven")
    assert world.ask(REVOKE, thing="oven") == (204, None)
    assert not world.registry.can_connect("oven")
    assert world.ask(SHOW, thing="oven")[1]["status"] == "revoked"
    body = {"csr": device_key.make("oven").csr_pem}
    status, problem = world.ask(ROTATE, thing="oven", body=body)
    assert (status, kind_of(problem)) == (409, "too-many-certificates")
    unknown = {"thing": "oven", "certificate_id": "0" * 64}
    assert world.ask(REVOKE_ONE, **unknown)[0] == 404


def test_each_deed_leaves_one_line_of_audit_and_no_secret(world):
    _, first = world.enrol("oven")
    body = {"csr": device_key.make("oven").csr_pem}
    _, second = world.ask(ROTATE, thing="oven", body=body)
    old = {"thing": "oven", "certificate_id": first["certificate_id"]}
    for _ in range(2):
        world.ask(REVOKE_ONE, **old)
    lines = world.office.enrolments.audit("oven")
    told = [(line.deed, line.certificate_id, line.subject) for line in lines]
    assert sorted(told) == sorted(
        [
            (Deed.ENROLLED, first["certificate_id"], "ada"),
            (Deed.ROTATED, second["certificate_id"], "ada"),
            (Deed.REVOKED, first["certificate_id"], "ada"),
        ]
    )
    assert {line.region for line in lines} == {"a"}
    assert SECRET not in repr(lines)


def test_owner_and_retry_are_known_in_the_other_region_too():
    here = World()
    there = World(region="b", clock=here.clock)
    key = device_key.make("oven")
    _, given = here.enrol("oven", key=key)
    replicate(here.tables, there.tables, lag_s=0)
    here.tables.is_reachable = False
    body = {"claim": {"id": "oven", "secret": SECRET}, "csr": key.csr_pem}
    assert there.ask(ENROL, body=body) == (201, given)
    assert there.ask(SHOW, thing="oven")[0] == 200
    assert here.ask(SHOW, thing="oven")[0] == 503


def test_user_who_asks_too_often_waits_and_others_do_not():
    world = World(rate_per_s=2.0)
    answers = [world.enrol(f"oven-{number}") for number in range(9)]
    assert [status for status, _ in answers][:2] == [201, 201]
    status, problem = answers[-1]
    assert (status, kind_of(problem)) == (429, "too-many-requests")
    assert world.enrol("lamp", user="bob")[0] == 201
    assert world.ask(LIST)[0] == 200


def fetch(world, given, **more):
    return world.ask(KEY, thing="bulb", certificate_id=given["certificate_id"], **more)


def wish(world, **more):
    return {"claim": {"id": "bulb", "secret": SECRET}, "custody": "escrow", **more}


def test_key_in_escrow_is_its_owners_and_is_handed_over_once(world):
    world.claim("bulb")
    status, given = world.ask(ENROL, body=wish(world))
    assert status == 201
    assert world.ask(ENROL, body=wish(world)) == (201, given)
    assert "key" not in json.dumps(given)
    assert fetch(world, given, user="bob")[0] == 404
    status, fetched = fetch(world, given)
    assert status == 200
    assert fetched["private_key"] == f"key of {given['certificate_id']}"
    assert world.escrow.kept == {}
    assert fetch(world, given)[0] == 404
    deeds = [line.deed for line in world.office.enrolments.audit("bulb")]
    assert sorted(deeds) == [Deed.DELIVERED, Deed.ENROLLED]
    assert world.registry.can_connect("bulb")


def test_key_that_nobody_fetched_in_time_is_replaced_by_a_rotation(world):
    world.claim("bulb")
    _, given = world.ask(ENROL, body=wish(world))
    world.clock.sleep(escrow.KEPT_S + 1)
    assert fetch(world, given)[0] == 404
    again = {"custody": "escrow", "token": "t1"}
    status, second = world.ask(ROTATE, thing="bulb", body=again)
    assert status == 201
    assert world.ask(ROTATE, thing="bulb", body=again) == (201, second)
    assert second["certificate_id"] != given["certificate_id"]
    assert fetch(world, second)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {"custody": "escrow"},
        {"custody": "escrow", "token": ""},
        {"custody": "escrow", "token": 7},
        {"custody": "escrow", "token": "a b"},
        {"custody": "escrow", "token": "t", "csr": "x"},
        {"custody": "cloud", "csr": "x"},
        {"csr": "custody: escrow t"},
    ],
)
def test_rotation_that_is_no_wish_for_a_key_is_refused(world, body):
    world.enrol("oven")
    assert world.ask(ROTATE, thing="oven", body=body)[0] == 400


def test_site_without_escrow_makes_no_keys_and_spoils_no_claim():
    world = World(has_escrow=False)
    world.claim("bulb")
    status, problem = world.ask(ENROL, body=wish(world))
    assert (status, "makes no keys" in problem["detail"]) == (400, True)
    assert world.ask(ENROL, body=wish(world, token="t"))[0] == 400
    _, given = world.enrol("bulb")
    assert fetch(world, given)[0] == 404


def test_document_is_served_to_anybody_and_needs_no_region():
    reply = api.serve(event_of("GET /v1/openapi.json", user=None), pytest.fail)
    assert reply["statusCode"] == 200
    assert json.loads(reply["body"]) == api.document()


def test_unknown_route_is_a_problem(world):
    reply = world.serve(event_of("PUT /v1/devices"))
    assert reply["statusCode"] == 400


@pytest.mark.parametrize("route", OPERATIONS)
def test_each_operation_has_scopes_and_an_answer_for_each_problem(route):
    found = operation(route)
    assert found["operationId"]
    assert found["summary"]
    if route == "GET /v1/openapi.json":
        assert found["security"] == []
        return
    is_read = route.startswith("GET ")
    assert {"tokens": ["devices:write"]} in found["security"]
    assert ({"tokens": ["devices:read"]} in found["security"]) == is_read
    assert {"401", "403", "429", "500", "503"} < found["responses"].keys()


def test_every_example_is_what_its_schema_says():
    count = 0
    for node in nodes(api.document()):
        if "schema" not in node:
            continue
        check = validator(json.dumps(node["schema"]))
        for example in node.get("examples", {}).values():
            check.validate(resolve(example)["value"])
            count += 1
        if "example" in node:
            check.validate(node["example"])
    assert count > len(OPERATIONS)


def test_problems_of_the_document_are_those_of_the_code():
    components = api.document()["components"]
    kinds = {kind.name: kind for _, kind in http.KINDS}
    published = components["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert set(published) == {f"{http.PROBLEM}{name}" for name in kinds}
    for example in components["examples"].values():
        value = example["value"]
        if "type" in value:
            kind = kinds[kind_of(value)]
            assert (value["status"], value["title"]) == (kind.status, kind.title)


def nodes(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)
