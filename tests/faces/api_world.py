"""The onboarding API in memory: real requests, real cryptography, no AWS."""

import json
from functools import cache

import jsonschema_rs

from hotsite.adapters import device_key
from hotsite.adapters.aws import csr
from hotsite.core.onboarding import Claim, Entry, Names
from hotsite.faces.lambdas import api
from hotsite.flows.devices import Office
from hotsite.flows.onboarding import Desk
from hotsite.flows.replication import Site
from hotsite.sim.clock import SimClock
from hotsite.sim.enrolments import SimAllowance, SimEnrolments, SimLastMessages
from hotsite.sim.escrow import SimEscrow
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimClaims, SimTables

NAMES = Names(("iot.example.com", "iot-a.example.com"), "api.example.com", 8883)
SECRET = "s3cret"


class World:
    """One Region, its claims, and a user who asks."""

    def __init__(
        self,
        *,
        region="a",
        clock=None,
        rate_per_s=1000.0,
        tables=SimTables,
        has_escrow=True,
    ):
        self.clock = clock or SimClock()
        self.tables = tables(region, self.clock)
        self.registry = SimRegistry(check_csr=csr.check)
        site = Site(self.tables, SimAppliedRecords(), self.registry, self.clock)
        claims = SimClaims(self.tables)
        self.last_messages = SimLastMessages()
        self.escrow = SimEscrow(self.registry, self.clock) if has_escrow else None
        self.office = Office(
            Desk(
                claims, site, NAMES, "CA", "device", "fleet", csr.check_for, self.escrow
            ),
            SimEnrolments(self.tables),
            self.last_messages,
            SimAllowance(self.clock, rate_per_s=rate_per_s, burst_s=1.0),
        )

    def claim(self, name):
        self.office.desk.claims.add(Entry.of(Claim(name, SECRET), {"model": "x1"}))

    def ask(self, route, *, user="ada", body=None, query=None, **path):
        """Return status and document of one request; it must be as published."""
        return checked(self.serve(event_of(route, user, body, query, path)), route)

    def serve(self, event):
        return api.serve(event, lambda: self.office)

    def enrol(self, name, *, user="ada", key=None):
        self.claim(name)
        key = key or device_key.make(name)
        body = {"claim": {"id": name, "secret": SECRET}, "csr": key.csr_pem}
        return self.ask("POST /v1/devices", user=user, body=body)


def event_of(route, user="ada", body=None, query=None, path=None):
    claims = {"sub": user} if user is not None else {}
    text = body if isinstance(body, str | None) else json.dumps(body)
    return {
        "version": "2.0",
        "routeKey": route,
        "pathParameters": path or {},
        "queryStringParameters": query,
        "requestContext": {"authorizer": {"jwt": {"claims": claims}}},
        "body": text,
    }


def checked(reply, route):
    """Return status and document of a reply, once it is what the contract says."""
    status, headers = reply["statusCode"], reply["headers"]
    document = json.loads(reply["body"]) if reply["body"] else None
    validate(route, status, headers, document)
    return status, document


def validate(route, status, headers, document):
    """Refuse an answer that the OpenAPI document does not promise."""
    response = resolve(operation(route)["responses"][str(status)])
    if "content" not in response:
        assert document is None
        return
    media = headers["content-type"]
    validator(json.dumps(response["content"][media]["schema"])).validate(document)


def operation(route):
    method, _, path = route.partition(" ")
    return api.document()["paths"][path][method.lower()]


def resolve(node):
    """Follow a reference inside the document."""
    if "$ref" not in node:
        return node
    found = api.document()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


@cache
def validator(schema):
    """A validator of a schema that may refer to the document's components."""
    components = {"components": api.document()["components"]}
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), **components})
