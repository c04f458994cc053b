"""What a person at a shell has: the cloud's commands, clients and a fleet's files."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.local.cloud_world import wait_until

from hotsite.local.client import LocalCloud

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients" / "bin"
EPOCH = 1_790_000_000
MQTT_PORT = "8883"


def tool(name):
    """Return a program's path; fail with the target that installs it."""
    found = shutil.which(name, path=f"{CLIENTS}:{os.environ['PATH']}")
    ours = ".venv-clients/.ready" if name in {"aws", "python"} else "tools"
    assert found, f"{name} is not there: run `make {ours}`"
    return found


def hotsite(*words, limit_s=150):
    """Run the command line as a user does; return what it said, and its code."""
    return subprocess.run(
        [sys.executable, "-m", "hotsite.faces.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        cwd=ROOT,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Shop:
    """A cloud that is up, and the files of its devices.

    Attributes:
        folder: The cloud's.
        devices: Where ``<thing>.pem`` and ``<thing>.key`` are.
    """

    folder: Path
    devices: Path

    @property
    def cloud(self):
        return LocalCloud.open(self.folder)

    def environment(self, letter):
        """Return what `hotsite local env` gives to programs in a site."""
        done = hotsite("local", "env", "--dir", self.folder, "--site", letter, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def aws(self, letter, *words):
        """Return what the unmodified AWS CLI answers, parsed."""
        done = subprocess.run(
            [tool("aws"), *words, "--output", "json"],
            env={**os.environ, **self.environment(letter)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def command(self, program, *words):
        """Return the command that runs a program under the cloud's DNS."""
        run = [sys.executable, "-m", "hotsite.faces.cli.main", "local", "exec"]
        return [*run, "--dir", str(self.folder), "--", tool(program), *words]

    def identity(self, thing, certificate=None):
        """Return mosquitto's options for one device under TLS."""
        base = certificate or self.devices / thing
        return [
            *("-p", MQTT_PORT, "-i", thing, "-q", "1"),
            *("--cafile", self.cloud.state.ca),
            *("--cert", f"{base}.pem", "--key", f"{base}.key"),
        ]

    def publish(self, host, thing, seq, **given):
        """Publish one reading with mosquitto_pub; return what became of it.

        Args:
            host: The broker's name without the domain.
            thing: Whose certificate is shown.
            seq: Number of the message.
            given: ``client`` and ``about`` where they are another thing,
                ``certificate`` for other files than the thing's (no suffix).
        """
        identity = self.identity(thing, given.get("certificate"))
        identity[identity.index("-i") + 1] = given.get("client", thing)
        topic = f"dt/{given.get('about', thing)}/telemetry"
        name = f"{host}.hotsite.test"
        words = ["-d", "-h", name, *identity, "-t", topic, "-m", reading(seq)]
        return subprocess.run(
            self.command("mosquitto_pub", *words),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def stored(self, letter, thing):
        """Return the sequence numbers that a site's hot table has of a thing."""
        answer = self.cloud.client("dynamodb", letter).query(
            TableName="hotsite-telemetry",
            KeyConditionExpression="pk = :thing",
            ExpressionAttributeValues={":thing": {"S": thing}},
            ConsistentRead=True,
        )
        return {int(item["seq"]["N"]) for item in answer["Items"]}

    def await_stored(self, thing, seq, letters="ab", limit_s=15):
        """Wait until each of some sites holds a message."""
        for letter in letters:
            wait_until(lambda at=letter: seq in self.stored(at, thing), limit_s)


def reading(seq):
    """Return the telemetry message that a device sends, as JSON."""
    body = {"epoch": EPOCH, "seq": seq, "published_at_s": float(EPOCH)}
    sort_key = f"{EPOCH:010d}#{seq:012d}"
    return json.dumps({"sk": sort_key, **body, "data": {"temperature_c": 20.5}})
