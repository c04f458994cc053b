"""An empty cloud, and the command line as somebody uses it with an account."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import boto3

from hotsite.local import cloud
from hotsite.local.client import LocalCloud

ROOT = Path(__file__).parents[2]
SITES = ("eu-central-1", "eu-west-1")


class Empty:
    """Two Regions in which nothing is deployed, and a folder with settings."""

    def __init__(self, folder):
        self.folder = folder
        self.cloud = folder / ".hotsite" / "local"
        (folder / "build").symlink_to(ROOT / "build")
        self.write()

    def write(self, more="", domain="hotsite.test"):
        (self.folder / "hotsite.toml").write_text(f'domain = "{domain}"\n{more}')

    @property
    def environment(self):
        said = self.hotsite("local", "env", "--json", is_plain=True)
        return {**os.environ, **json.loads(said.stdout)}

    def hotsite(self, *words, is_plain=False, limit_s=170):
        return subprocess.run(
            command(*words),
            capture_output=True,
            text=True,
            timeout=limit_s,
            cwd=self.folder,
            env=os.environ if is_plain else self.environment,
            check=False,
        )

    def start(self, *words):
        return subprocess.Popen(
            command(*words),
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment,
        )

    def client(self, service, region):
        return LocalCloud.open(self.cloud).client(service, region)

    def statuses(self):
        found = {}
        for region in SITES:
            stacks = self.client("cloudformation", region).describe_stacks()["Stacks"]
            found |= {one["StackName"]: one["StackStatus"] for one in stacks}
        return found

    def front(self, service, region):
        state = cloud.read_state(self.cloud)
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=state.front_url,
            aws_access_key_id=state.account_id,
            aws_secret_access_key=cloud.SECRET,
        )


def command(*words):
    return [sys.executable, "-m", "hotsite.faces.cli.main", *words]


@contextmanager
def empty_cloud(folder, block):
    """Start one, and end it whatever happens."""
    world = Empty(folder)
    up = ("local", "up", "--empty", "--detach", "--block", block)
    done = world.hotsite(*up, is_plain=True)
    assert done.returncode == 0, done.stderr
    try:
        yield world
    finally:
        world.hotsite("local", "down", is_plain=True)
