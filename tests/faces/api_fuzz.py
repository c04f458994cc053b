"""Requests nobody would send, to an API in memory whose Region fails now and then.

Two sources: Schemathesis, which makes requests from the OpenAPI document, as it says
and not as it says; and a player that goes on with one small world, knows its claims,
and breaks requests that were good. Each answer must be one that the document promises,
never a 500; and a certificate that anybody was given is whole.
"""

import base64
import json
import random
from collections import Counter

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from tests.faces.api_world import SECRET, World, checked, event_of

from hotsite.adapters import device_key
from hotsite.core.enrolment import Deed
from hotsite.core.registry import thing_key
from hotsite.errors import ThrottledError, UnreachableError
from hotsite.faces.lambdas import api
from hotsite.sim.tables import SimTables

NAMES = [f"oven-{number}" for number in range(8)]
USERS = ["ada", "bob"]
ROUTES = [
    "POST /v1/devices",
    "GET /v1/devices",
    "GET /v1/devices/{thing}",
    "DELETE /v1/devices/{thing}",
    "POST /v1/devices/{thing}/certificates",
    "DELETE /v1/devices/{thing}/certificates/{certificate_id}",
    "POST /v1/devices/{thing}/certificates/{certificate_id}/key",
]
WEIGHTS = [6, 1, 1, 1, 4, 2, 2]
NO_DEEDS_OF_MAKING = {Deed.REVOKED, Deed.DELIVERED}
JUNK = [
    None, True, 0, -1, 10**400, 1.5, "", " ", "\x00", "ü", "\ud800", "x" * 9000,
    [], {}, [[]], {"id": {}}, "../../etc", "%00", "oven-1\n", "claim#oven-1",
]  # fmt: skip
BODIES = [
    "",
    "{",
    "null",
    "[]",
    '"x"',
    "NaN",
    "[" * 3000,
    '{"claim":' * 500,
    "\ufeff{}",
]
REQUESTS_PER_WORLD = 400


class TiredTables(SimTables):
    """Tables that answer so many calls and then no more."""

    calls_left = None

    def answer(self):
        if self.calls_left is not None:
            if not self.calls_left:
                raise UnreachableError("the table is silent")
            self.calls_left -= 1
        super().answer()


class Player:
    """One world, and somebody who breaks requests to it."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.told = Counter()
        self.csrs = {
            name: [device_key.make(name).csr_pem for _ in range(4)] for name in NAMES
        }

    def play(self, count):
        """Send so many requests; return how often each status was the answer."""
        for number in range(count):
            if number % REQUESTS_PER_WORLD == 0:
                self.open()
            self._send()
            if number % 20 == 19:
                self.check()
        self.check()
        return self.told

    def open(self):
        self.world = World(rate_per_s=6.0, tables=TiredTables)
        for name in NAMES:
            self.world.claim(name)
        self.given, self.fetched = [], set()

    def _send(self):
        registry, chance = self.world.registry, self.chance
        self.world.clock.sleep(chance.choice([0.0, 0.01, 0.5]))
        registry.is_reachable = chance.random() > 0.03
        registry.fail_at = {}
        if chance.random() < 0.05:
            error = chance.choice([UnreachableError, ThrottledError])("now")
            registry.fail_at = {len(registry.calls) + chance.randint(1, 4): error}
        route = chance.choices(ROUTES, WEIGHTS)[0]
        tables = self.world.tables
        self.world.escrow.is_reachable = chance.random() > 0.03
        tables.calls_left = chance.randrange(6) if chance.random() < 0.1 else None
        reply = self.world.serve(self._event(route))
        registry.is_reachable, tables.calls_left = True, None
        status, document = checked(reply, route)
        assert status != 500
        self.told[status] += 1
        if status == 201:
            self.given.append(document)
        else:
            assert "BEGIN CERTIFICATE" not in reply["body"]
        if status == 200 and route == ROUTES[6]:
            # Handed over once, whoever asks again.
            assert document["certificate_id"] not in self.fetched
            self.fetched.add(document["certificate_id"])

    def _event(self, route):
        chance = self.chance
        name = chance.choice(NAMES)
        csr = chance.choice(self.csrs[name])
        body = None
        if route.startswith("POST"):
            body = {"csr": csr}
            if chance.random() < 0.2:
                body = {"custody": "escrow"}
                if route == ROUTES[4]:
                    body["token"] = chance.choice(["one", "two", "three"])
            if route == ROUTES[0]:
                body["claim"] = {"id": name, "secret": SECRET}
        known = [one["certificate_id"] for one in self.given] or ["0" * 64]
        path = {"thing": name, "certificate_id": chance.choice(known)}
        query = (
            {"limit": str(chance.randint(-1, 27))} if chance.random() < 0.5 else None
        )
        if chance.random() < 0.5:
            body = self._broken(body)
        if chance.random() < 0.2:
            path[chance.choice(list(path))] = str(chance.choice(JUNK))
        if query and chance.random() < 0.3:
            query[chance.choice(["limit", "after", "x"])] = str(chance.choice(JUNK))
        user = chance.choice(USERS) if chance.random() < 0.95 else chance.choice(JUNK)
        event = event_of(route, user, body, query, path)
        return self._bent(event)

    def _broken(self, body):
        """Return a body with one thing wrong."""
        chance = self.chance
        if body is None or chance.random() < 0.2:
            return chance.choice(BODIES)
        broken = json.loads(json.dumps(body))
        place = broken
        if "claim" in broken and chance.random() < 0.5:
            place = broken["claim"]
        key = chance.choice(list(place))
        how = chance.randrange(4)
        if how == 0:
            del place[key]
        elif how == 1:
            place[key] = chance.choice(JUNK)
        elif how == 2:
            place[str(chance.choice(JUNK))] = chance.choice(JUNK)
        elif isinstance(place[key], str):
            place[key] = self._mutated(place[key])
        return broken

    def _mutated(self, text):
        chance = self.chance
        if "BEGIN" in text and chance.random() < 0.7:
            lines = text.split("\n")
            der = bytearray(base64.b64decode("".join(lines[1:-2])))
            for _ in range(chance.randint(1, 3)):
                der[chance.randrange(len(der))] = chance.randrange(256)
            return "\n".join([lines[0], base64.encodebytes(der).decode(), lines[-2]])
        at = chance.randrange(len(text))
        return (
            text[:at] + chr(chance.randrange(0x250)) + text[at + chance.randrange(3) :]
        )

    def _bent(self, event):
        """Return the event as no gateway would send it, now and then."""
        chance = self.chance
        if chance.random() < 0.03:
            event["isBase64Encoded"] = True
            if chance.random() < 0.5:
                text = (event["body"] or "").encode(errors="replace")
                event["body"] = base64.b64encode(text).decode()
        if chance.random() < 0.02:
            event.pop(chance.choice(["requestContext", "pathParameters", "body"]))
        return event

    def check(self):
        """Look at all that the Region holds: no credential is there in part."""
        office, records = self.world.office, self.world.tables
        for name in NAMES:
            entry = office.desk.claims.read(name)
            record = records.peek(thing_key(name))
            held = {one.certificate_id: one.pem for one in record.certificates}
            lines = office.enrolments.audit(name)
            if entry.certificate is None:
                assert record.body is None
                assert not held
                assert not lines
                continue
            assert office.enrolments.find(entry.owner, name)
            assert held[entry.certificate.certificate_id] == entry.certificate.pem
            made = {
                one.certificate_id
                for one in lines
                if one.deed not in NO_DEEDS_OF_MAKING
            }
            shut = {one.certificate_id for one in lines if one.deed is Deed.REVOKED}
            assert made == held.keys()
            # The line comes after the revocation, which matters more.
            assert shut <= set(record.revoked)
            assert len(held.keys() - set(record.revoked)) <= 2
        for one in self.given:
            record = records.peek(thing_key(one["thing"]))
            held = {item.certificate_id: item.pem for item in record.certificates}
            assert held[one["certificate_id"]] == one["certificate"]


def from_the_document(count, *, derandomize):
    """Send so many requests that Schemathesis makes; return the statuses."""
    operations = [
        found.ok()
        for found in schemathesis.openapi.from_dict(
            dict(api.document())
        ).get_all_operations()
    ]
    told = Counter()
    plans = [
        (operation, mode)
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if operation.label in ROUTES
    ]
    how = settings(
        max_examples=-(-count // len(plans)),
        deadline=None,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation, mode in plans:
        strategy = operation.as_strategy(generation_mode=mode)
        _send_all(strategy, operation.label, told, how)
    return told


def _send_all(strategy, route, told, how):
    player = Player(route)
    player.open()
    for name in NAMES[:4]:
        player.world.enrol(name)

    @how
    @given(strategy)
    def send(case):
        player.world.clock.sleep(1.0)
        status, _ = checked(player.world.serve(event_from(case, route)), route)
        assert status < 500
        told[status] += 1

    send()
    player.check()


def event_from(case, route):
    """Return the event that API Gateway makes of a request."""
    is_body = type(case.body).__name__ != "NotSet"
    text = json.dumps(case.body, default=str) if is_body else None
    query = {key: str(value) for key, value in (case.query or {}).items()}
    path = {key: str(value) for key, value in (case.path_parameters or {}).items()}
    return event_of(route, "ada", text, query or None, path)
