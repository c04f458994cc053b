"""Sites, names and devices as an operator or a guard sees them: simulated, and real."""

import asyncio
import http.server
import json
import select
import ssl
import subprocess
import sys
import threading

from tests.contract import world
from tests.flows.failover_world import World
from tests.local.region_world import DOMAIN, Device

from hotsite.adapters.aws.commands import IotCommands
from hotsite.adapters.aws.resumes import DynamoResumes
from hotsite.adapters.clock import SystemClock
from hotsite.adapters.names import ResolvedNames
from hotsite.adapters.resolver import DnsResolver
from hotsite.adapters.sites import HttpsSites
from hotsite.core.dns import Record, Zone
from hotsite.core.health import HealthVerdict
from hotsite.core.move import decode
from hotsite.core.operations import Claim
from hotsite.core.standing import FencePolicy
from hotsite.core.strategy import Strategy, witness_name
from hotsite.disasters.failover.ports import FarCommands, FarNames, FarSites
from hotsite.faces.lambdas import http as answers
from hotsite.flows import health, switch
from hotsite.flows.health import Patience
from hotsite.local.dns.zonefile import ZoneFile, dump_zone_file, region_zone
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations, SimResumes
from hotsite.sim.region_tables import SimHealthVerdicts
from hotsite.sim.route53 import Led

ADDRESSES = {"a": "127.0.52.2", "b": "127.0.52.3"}
REGIONS = {"a": "eu-central-1", "b": "eu-west-1"}
SERVER, PORT = "127.0.52.53", 5353
THING = "d0"


class SimOutside:
    """A simulated estate whose guards do not look, so that a test says what is so."""

    def __init__(self):
        self.world = World()
        self.estate = self.world.estate
        for weather in self.estate.weather.values():
            weather.is_guarded = False
        self.world.run(10.0)

    @property
    def now_s(self):
        return self.estate.scheduler.now_s()

    def ask(self, what):
        """Let a worker ask; return the answer, or raise what it ended with."""
        found = []
        error = self.world.do(lambda: found.append(what()), within_s=0.4)
        if error is not None:
            raise error
        return found[0]


class SimSitesSeen(SimOutside):
    def see(self, letter):
        fence = FencePolicy()
        port = FarSites(self.estate.network, self.estate.sites, fence)
        return self.ask(lambda: port.see(letter))

    def say(self, letter, epoch, verdict):
        site = self.estate.sites[letter]
        site.operations.write(Claim(epoch), previous=site.operations.peek().claim("b"))
        site.verdicts.write(verdict)

    def silence(self, letter):
        self.estate.die(letter)


class RealSitesSeen:
    """Both sites' endpoints over TLS, answered by what the Lambdas are made of."""

    def __init__(self, authority):
        self.clock = SystemClock()
        self.operations = {k: SimOperations(k, self.clock) for k in ADDRESSES}
        self.verdicts = {k: SimHealthVerdicts() for k in ADDRESSES}
        # What a path answers instead, if anything: status, headers, body, delay.
        self.instead = {}
        self.trusted = ssl.create_default_context(cafile=authority.path)
        self.servers = {k: self._serve(k, authority) for k in ADDRESSES}

    @property
    def now_s(self):
        return self.clock.now_s()

    def port(self, context=None):
        port = self.servers["a"].server_address[1]
        return HttpsSites(
            DOMAIN,
            port=port,
            context=context or self.trusted,
            address_of=lambda name: ADDRESSES[name[4]],
        )

    def see(self, letter):
        return self.port().see(letter)

    def say(self, letter, epoch, verdict):
        operations = self.operations[letter]
        operations.write(Claim(epoch), previous=operations.read().claim("b"))
        self.verdicts[letter].write(verdict)

    def silence(self, letter):
        self.servers.pop(letter).close()

    def close(self):
        for server in self.servers.values():
            server.close()

    def answer(self, letter, path):
        if path in self.instead:
            return self.instead[path]
        if path == "/switch":
            operations, fence = self.operations[letter], FencePolicy()
            said = switch.serve(operations, letter, self.clock, fence)
            return said.status_code, {}, answers.switched(said), 0.0
        said = health.serve(self.verdicts[letter], self.clock, Patience())
        document = {"healthy": said.is_healthy, "reason": said.reason}
        return said.status_code, {}, document, 0.0

    def _serve(self, letter, authority):
        certificate = authority.server(f"api-{letter}.{DOMAIN}")
        return Server(certificate, ADDRESSES[letter], lambda p: self.answer(letter, p))


class Server(http.server.ThreadingHTTPServer):
    """HTTPS on one address; it answers what a function says."""

    PORT = 8452

    def __init__(self, certificate, address, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, headers, document, delay_s = answer(self.path)
                is_over.wait(delay_s)
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        is_over = self.is_over = threading.Event()
        super().__init__((address, self.PORT), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.private_key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def handle_error(self, *_):
        """Let who does not trust us go."""

    def close(self):
        self.is_over.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class SimNamesSeen(SimOutside):
    def leads_to(self):
        port = FarNames(self.estate.network, self.estate.names)
        return self.ask(port.leads_to)

    def lead(self, letter):
        self.estate.names.history.append(Led(self.now_s, letter))

    def silence(self):
        self.estate.network.is_dns_up = False


class RealNamesSeen:
    """A zone in a real name server, and who asks it."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None

    def port(self):
        resolver = DnsResolver(SERVER, PORT, query_s_max=1.0)
        return ResolvedNames(
            DOMAIN,
            witness_name(Strategy.HOT_SITE, DOMAIN),
            lambda name: asyncio.run(resolver.resolve(name)).site,
        )

    def leads_to(self):
        return self.port().leads_to()

    def lead(self, letter):
        own = [
            Record(f"iot-{one}.{DOMAIN}", "CNAME", 10, (self.endpoint(one),))
            for one in REGIONS
        ]
        first = Record(f"iot.{DOMAIN}", "CNAME", 10, (self.endpoint(letter),))
        zones = [region_zone(REGIONS[k], ADDRESSES[k]) for k in REGIONS]
        zone = Zone(DOMAIN, (first, *own))
        dump_zone_file(ZoneFile((zone, *zones)), self.folder / "zones.json")
        if self.process is None:
            self._start()
        world.eventually(lambda: self._shows(letter), within_s=10.0)

    def endpoint(self, letter):
        region = REGIONS.get(letter, REGIONS["a"])
        return f"{letter}-ats.iot.{region}.amazonaws.com."

    def silence(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None:
            self.silence()
            self.process.stdout.close()

    def _shows(self, letter):
        resolver = DnsResolver(SERVER, PORT, query_s_max=1.0)
        found = asyncio.run(resolver.resolve(f"iot.{DOMAIN}"))
        return f"{found.site}." == self.endpoint(letter)

    def _start(self):
        config = {
            "address": SERVER,
            "ports": [PORT],
            "zone_path": str(self.folder / "zones.json"),
            "control_path": str(self.folder / "dns.sock"),
        }
        path = self.folder / "dns.json"
        path.write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hotsite.local.dns", str(path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert "ready" in self.process.stdout.readline()


class SimCame:
    """Who came, in memory."""

    def __init__(self):
        self.clock = SimClock()
        self.port = SimResumes(self.clock)

    def silence(self):
        self.port.is_reachable = False


class RealCame:
    """Who came, in a Region's own table."""

    def __init__(self, region, table):
        self.region, self.table, self.clock = region, table, SimClock()
        self.port = self._port(world.Cloud.local(region))

    def silence(self):
        url = f"http://{self.region.config.address}:{world.NOBODY_LISTENS_PORT}"
        self.port = self._port(world.Cloud.local(self.region, url))

    def _port(self, cloud):
        return DynamoResumes(cloud.client("dynamodb"), self.table, self.clock)


class SimCommanded(SimOutside):
    """The devices of an estate, all at one site."""

    thing = THING

    def __init__(self):
        super().__init__()
        fleet = self.estate.fleet
        self.port = FarCommands(self.estate.network, fleet, fleet.devices[THING].site)

    def order(self, thing, move):
        return self.ask(lambda: self.port.order(thing, move))

    def disconnect(self, thing):
        device = self.estate.fleet.devices.get(thing)
        if device is None:
            return False
        return self.ask(lambda: self.port.disconnect(thing))

    def leave(self):
        """Let the device be connected nowhere."""
        self.estate.fleet.devices[THING].site = ""

    def heard(self):
        return self.estate.fleet.devices[THING].mover.name or None

    def is_connected(self):
        return bool(self.estate.fleet.devices[THING].site)

    def silence(self):
        self.estate.die(self.port.letter)


class RealCommanded:
    """A device on a raw socket, and the data plane of its Region."""

    def __init__(self, region, authority):
        self.thing = world.fresh_name()
        self.cloud = world.Cloud.local(region)
        self.port = IotCommands(self.cloud.client("iot-data"))
        files = self._enrol(region, authority)
        self.device = Device(region.config, authority, files, self.thing)
        assert self.device.is_connected()
        self.device.subscribe(f"cmd/{self.thing}/#")
        self.region = region

    def order(self, thing, move):
        self.port.order(thing, move)

    def disconnect(self, thing):
        return self.port.disconnect(thing)

    def leave(self):
        self.device.socket.close()
        key = self.thing

        def is_gone():
            return not self.port.disconnect(key)

        world.eventually(is_gone)

    def heard(self):
        readable, _, _ = select.select([self.device.socket], [], [], 5.0)
        if not readable:
            return None
        _kind, body = self.device.packet()
        length = int.from_bytes(body[:2], "big")
        return decode(body[2 + length :]).to

    def is_connected(self):
        self.device.socket.settimeout(0.5)
        try:
            return self.device.packet() is not None
        except TimeoutError:
            return True

    def silence(self):
        url = f"http://{self.region.config.address}:{world.NOBODY_LISTENS_PORT}"
        nowhere = world.Cloud.local(self.region, url)
        self.port = IotCommands(nowhere.client("iot-data"))

    def close(self):
        self.device.socket.close()

    def _enrol(self, region, authority):
        iot, files = region.client("iot"), authority.device(self.thing)
        policy = f"{self.thing}-all"
        allow = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [allow]}
        iot.create_policy(policyName=policy, policyDocument=json.dumps(document))
        made = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="ACTIVE"
        )
        iot.create_thing(thingName=self.thing)
        iot.attach_policy(policyName=policy, target=made["certificateArn"])
        iot.attach_thing_principal(
            thingName=self.thing, principal=made["certificateArn"]
        )
        return files


def healthy(now_s):
    return HealthVerdict(is_healthy=True, reason="a message came", seen_at_s=now_s)


def sick(now_s):
    return HealthVerdict(is_healthy=False, reason="no message", seen_at_s=now_s)
