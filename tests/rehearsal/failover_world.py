"""A local cloud of real templates with a fleet, and an operator who watches it."""

import contextlib
import http.client
import http.server
import threading
import time
from dataclasses import replace

from tests.local.cloud_world import wait_until

from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.core.hardship import Follow
from hotsite.core.journal import DeviceConnected, DeviceDisconnected
from hotsite.core.standing import FencePolicy
from hotsite.errors import RetryableError, UnsafePlanError
from hotsite.faces.cli.control import of_cloud
from hotsite.flows.failover import operate
from hotsite.local.client import LocalCloud
from hotsite.local.region.web import CREDENTIAL
from hotsite.local.world import LocalWorld
from hotsite.ports import FleetPlan

A, B = "eu-central-1", "eu-west-1"
REGIONS = {"a": A, "b": B}
SIZE = 8
_TRIES_MAX = 6
THINGS = tuple(f"oven-{number:02d}" for number in range(SIZE))
PLAN = FleetPlan(
    publish_interval_s=1.0, seed=5, follow=Follow.DNS, retention_s=420.0, processes=1
)


class Field:
    """A cloud, its fleet, and where each device is."""

    def __init__(self, local, folder):
        self.local, self.where = local, {}
        self.measured = []
        self.world = LocalWorld(local, folder)
        self.steps = []
        self.control = operator_of(local, self)

    def begin(self):
        """Onboard the fleet in both Regions, and let it connect."""
        for region, things in ((A, THINGS[::2]), (B, THINGS[1::2])):
            self.onboard(things, region)
        for region in (A, B):
            wait_until(lambda r=region: set(THINGS) <= self.world.lags(r).keys(), 60)
        self.world.start_fleet(THINGS, PLAN)
        self.await_fleet("a")

    def onboard(self, things, region):
        """Onboard devices as an app does that tries again: a claim stays the same."""
        waiting = list(things)
        for _ in range(_TRIES_MAX):
            with contextlib.suppress(RetryableError):
                for fact in self.world.onboard(tuple(waiting), region=region):
                    waiting.remove(fact.thing)
            if not waiting:
                return
        raise AssertionError(f"{waiting} were not onboarded")

    def await_fleet(self, letter, limit_s=90.0):
        """Wait until all devices are at a site."""
        wanted = dict.fromkeys(THINGS, REGIONS[letter])

        def is_there():
            self.look()
            return self.where == wanted

        began_s = time.monotonic()
        wait_until(is_there, limit_s)
        return time.monotonic() - began_s

    def insist(self, request):
        """Operate as a person does, who runs it again when a retry may help.

        On a starved machine a site may not answer within the two seconds of a look.
        """
        for _ in range(_TRIES_MAX - 1):
            self.await_well()
            with contextlib.suppress(RetryableError):
                try:
                    return operate(request, self.control)
                except UnsafePlanError as error:
                    if "does not answer" not in str(error):
                        raise
        return operate(request, self.control)

    def await_well(self):
        """Wait until each site that lives says that it is healthy."""
        killed = {
            process.identity.name
            for process in self.local.check().processes
            if process.state == "killed"
        }
        for letter in REGIONS:
            if f"region-{letter}" not in killed:
                wait_until(lambda k=letter: is_well(self.seen(k)), 120)

    def look(self):
        for fact in self.world.observe():
            if isinstance(fact, DeviceConnected):
                self.where[fact.thing] = fact.region
            elif isinstance(fact, DeviceDisconnected):
                self.where.pop(fact.thing, None)

    def seen(self, letter):
        return self.control.seen(letter)

    def leads_to(self):
        try:
            return self.control.names.leads_to()
        except RetryableError:
            return None

    def book(self, letter):
        return patiently(self.control.desks[letter].operations.read)

    def verdict(self, letter):
        table = self.local.state.tables.applied
        client = self.local.client("dynamodb", letter)
        return patiently(DynamoHealthVerdicts(client, table).read)

    def measure(self, what, value):
        """Keep a line for the table of what was measured."""
        self.measured.append((what, value))

    def tell(self, line):
        self.steps.append((time.monotonic(), line))

    def close(self):
        self.world.close()
        for what, value in self.measured:
            print(f"measured | {what} | {value}")


def patiently(ask):
    """Return an answer, on a machine that may be starved."""
    for _ in range(_TRIES_MAX - 1):
        with contextlib.suppress(RetryableError):
            return ask()
    return ask()


def is_well(seen):
    return seen is not None and seen.is_healthy


def operator_of(local, field):
    """Return what an operator of a cloud works with, who switches when asked to.

    A test does not wait five minutes between two switches; guards do.
    """
    control = of_cloud(local, field.tell).control
    limits = replace(control.limits, fence=FencePolicy(dwell_s=1.0))
    return replace(control, limits=limits)


def took_s(work):
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


class BlackHole(http.server.ThreadingHTTPServer):
    """What is in front of a Region's gateway when its control planes are gone.

    Requests that are signed for AWS IoT's or Route 53's control plane get no answer,
    all others go through.
    """

    PORT = 4577
    SILENT = frozenset({"iot", "route53"})

    def __init__(self, site):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                signed = self.headers.get("authorization", "").encode()
                found = CREDENTIAL.search(signed)
                service = found[2].decode() if found else ""
                server = self.server
                server.asked.append(service)
                if service in server.SILENT:
                    server.is_over.wait()
                    return
                length = int(self.headers.get("content-length", 0))
                gateway = http.client.HTTPConnection(site.address, server.gateway)
                try:
                    body = self.rfile.read(length)
                    headers = dict(self.headers.items())
                    gateway.request(self.command, self.path, body, headers)
                    answer = gateway.getresponse()
                    said = answer.read()
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in {"content-length", "transfer-encoding"}:
                            self.send_header(name, value)
                    self.send_header("content-length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    # A Region that is dead does not answer.
                    self.close_connection = True
                finally:
                    gateway.close()

            # The base class calls them by these names.
            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve  # noqa: N815

            def log_message(self, *_):
                pass

        self.asked, self.is_over = [], threading.Event()
        self.daemon_threads = True
        self.gateway = int(site.gateway_url.rpartition(":")[2])
        super().__init__((site.address, self.PORT), Handler)
        self.url = f"http://{site.address}:{self.PORT}"
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.is_over.set()
        self.shutdown()
        self.server_close()


def behind(local, holes):
    """Return a cloud as who can only reach it through black holes sees it."""
    sites = tuple(
        replace(site, gateway_url=hole.url)
        for site, hole in zip(local.state.sites, holes, strict=True)
    )
    return LocalCloud(local.folder, replace(local.state, sites=sites))


def let_functions_see(local, holes):
    """Let every function of both Regions reach AWS through the black holes alone."""
    for site, hole in zip(local.state.sites, holes, strict=True):
        functions = local.client("lambda", site.letter)
        for one in functions.list_functions()["Functions"]:
            variables = one.get("Environment", {}).get("Variables", {})
            functions.update_function_configuration(
                FunctionName=one["FunctionName"],
                Environment={"Variables": {**variables, "AWS_ENDPOINT_URL": hole.url}},
            )
