"""The manual of CloudFormation, word by word, with the AWS CLI alone."""

import json
import os
import shlex
import subprocess

import pytest
from tests.docs.page import MARK, ROOT, blocks, play
from tests.local.empty_world import empty_cloud

from hotsite.infra import packaging, release
from hotsite.local import cloud

pytestmark = pytest.mark.local
PAGE = ROOT / "docs" / "deploy-cloudformation.md"


def test_every_block_of_the_manual_works_and_shows_what_it_says(tmp_path):
    with empty_cloud(tmp_path, "79") as world:
        release.write(tmp_path / "release" / "templates")
        lambdas = tmp_path / "release" / "lambdas"
        packaging.build_all(packaging.Platform.HOST, lambdas)
        state = cloud.read_state(world.cloud)
        # What differs on this machine is handed over as a user hands over his own.
        given = json.loads((world.cloud / "parameters.json").read_text())
        more = [shlex.quote(f"{name}={value}") for name, value in given.items()]
        prelude = f"MORE=({' '.join(more)})\n"
        script = prelude + "".join(f"{c}\necho '{MARK}'\n" for c, _ in blocks(PAGE))
        clients = ROOT / ".venv-clients" / "bin"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={
                **world.environment,
                "PATH": f"{clients}:{os.environ['PATH']}",
                "DOMAIN": state.domain,
                "ISSUER": state.issuer_url,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        outputs = done.stdout.split(MARK)
        for (code, shown), output in zip(blocks(PAGE), outputs, strict=False):
            for line in shown:
                assert " ".join(line.split()) in " ".join(output.split()), code
        assert world.statuses().keys() == {
            "hotsite-key-eu-central-1",
            "hotsite-key-eu-west-1",
        }


def test_every_block_of_the_deploy_guide_works_and_shows_what_it_says(tmp_path):
    play(ROOT / "docs" / "deploy-cdk.md", tmp_path, limit_s=200)
