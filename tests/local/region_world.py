"""A Region process, a certification authority and a raw MQTT client for the tests."""

import contextlib
import datetime as dt
import io
import ipaddress
import json
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

import boto3
import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotsite.local.region.config import CertificateFiles, RegionConfig, dump

ACCOUNT = "123456789012"
DOMAIN = "hotsite.test"
CONNACK, PUBLISH, PUBACK = 2, 3, 4


class Authority:
    """Issues certificates into one directory."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key, None, days=9, is_ca=True)
        self.path = directory / "ca.pem"
        self.path.write_bytes(_pem(self.certificate))

    def server(self, *names):
        return self._files(names[0].replace("*", "any"), names, days=9)

    def device(self, name, *, days=9):
        return self._files(name, None, days=days)

    def _files(self, name, names, *, days):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, names, days=days)
        files = CertificateFiles(
            self.directory / f"{name}.pem", self.directory / f"{name}.key"
        )
        files.certificate.write_bytes(_pem(certificate))
        files.private_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _sign(self, name, key, names, *, days, is_ca=False):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=30))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        )
        if names:
            general = [_general(one) for one in names]
            builder = builder.add_extension(
                x509.SubjectAlternativeName(general), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class RegionProcess:
    """One running Region."""

    config: RegionConfig
    process: subprocess.Popen
    ready: dict

    def client(self, service, **changes):
        settings = {
            "region_name": self.config.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return boto3.client(
            service, endpoint_url=self.config.gateway_url, **(settings | changes)
        )

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def members(self):
        """Every live process of the Region's process group."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                is_ours = os.getpgid(process.pid) == self.process.pid
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def request(self, method, path, document=None):
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            self.config.gateway_url + path, data=body, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def config_of(authority, directory, region, address, letter):
    names = tuple(f"{one}.{DOMAIN}" for one in ("iot", f"iot-{letter}"))
    prefix = f"{letter}1b2c3d4e5f6"
    return RegionConfig(
        region=region,
        account_id=ACCOUNT,
        address=address,
        gateway_port=4566,
        mqtt_port=8883,
        https_port=8443,
        state_dir=directory / region,
        mqtt_certificates=(
            authority.server(*names),
            authority.server(f"*.iot.{region}.amazonaws.com"),
        ),
        https_certificates=(
            authority.server(f"api.{DOMAIN}", f"api-{letter}.{DOMAIN}"),
            authority.server(f"*.execute-api.{region}.amazonaws.com"),
        ),
        mqtt_server_names=(*names, f"{prefix}-ats.iot.{region}.amazonaws.com"),
        endpoint_prefix=prefix,
        ca_path=authority.path,
    )


def spawn(config):
    config.state_dir.mkdir(parents=True, exist_ok=True)
    path = config.state_dir / "region.json"
    dump(config, path)
    with (config.state_dir / "region.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "hotsite.local.region", str(path)],
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )


@contextlib.contextmanager
def running(config):
    process = spawn(config)
    region = RegionProcess(config, process, {})
    try:
        readable, _, _ = select.select([process.stdout], [], [], 20)
        line = process.stdout.readline() if readable else b""
        log = (config.state_dir / "region.log").read_text()
        assert line, f"the Region did not become ready: {log}"
        region.ready = json.loads(line)
        yield region
    finally:
        region.kill()
        process.stdout.close()


class Device:
    """A raw MQTT 3.1.1 client: what goes over the wire and nothing else."""

    def __init__(
        self, config, authority, files, client_id, server_name=f"iot.{DOMAIN}"
    ):
        context = ssl.create_default_context(cafile=authority.path)
        if server_name is None:
            context.check_hostname = False
        if files is not None:
            context.load_cert_chain(files.certificate, files.private_key)
        plain = socket.create_connection((config.address, config.mqtt_port), 10)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=server_name)
        except BaseException:
            plain.close()
            raise
        name = client_id.encode()
        variable = b"\0\4MQTT\4\2\0\x3c" + struct.pack("!H", len(name)) + name
        self._send(0x10, variable)
        self.packet_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _send(self, head, body):
        length, rest = b"", len(body)
        while True:
            length += bytes([rest % 128 | (128 if rest > 127 else 0)])
            rest //= 128
            if not rest:
                break
        self.socket.sendall(bytes([head]) + length + body)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def packet(self):
        """The next packet as (type, body); None when the broker closed."""
        try:
            head = self._exactly(1)
            if head is None:
                return None
            length = shift = 0
            while True:
                byte = self._exactly(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return head[0] >> 4, self._exactly(length)
        except (ConnectionError, ssl.SSLError):
            return None

    def is_connected(self):
        return self.packet() == (CONNACK, b"\0\0")

    def publish(self, topic, document):
        self.packet_id += 1
        text = topic.encode()
        head = struct.pack("!H", len(text)) + text + struct.pack("!H", self.packet_id)
        self._send(0x32, head + json.dumps(document).encode())
        return self.packet()

    def subscribe(self, topic):
        text = topic.encode()
        self._send(0x82, b"\0\1" + struct.pack("!H", len(text)) + text + b"\0")
        return self.packet()


def eventually(check, *, within_s=30.0):
    """The first true answer of `check`, or a failure."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {check}"
        time.sleep(0.02)


def archive(source):
    """A Lambda zip with one module `function`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("function.py", source)
    return buffer.getvalue()


def role(region, name, service, *actions):
    """The ARN of a role that may do `actions` on everything."""
    iam = region.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    return arn["Role"]["Arn"]


def function(region, name, source, *actions):
    """The ARN of a Lambda whose role may do `actions`."""
    lambdas = region.client("lambda")
    return lambdas.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="function.handler",
        Role=role(region, f"role-{name}", "lambda", *actions),
        Code={"ZipFile": archive(source)},
        Timeout=30,
    )["FunctionArn"]


def table(region, name, sort_key=None):
    """The description of a new table with a stream."""
    keys = [("pk", "HASH")] + ([(sort_key, "RANGE")] if sort_key else [])
    return region.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": n, "KeyType": kind} for n, kind in keys],
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": "S"} for n, _ in keys
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={
            "StreamEnabled": True,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    )["TableDescription"]


STREAM_ACTIONS = (
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:DescribeStream",
    "dynamodb:ListStreams",
)
