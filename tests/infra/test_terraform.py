"""The Terraform module: held to the provider's schema, and to the templates."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import hcl2
import pytest
from tests.docs.page import ROOT

MODULE = ROOT / "terraform"
SCHEMAS = json.loads((Path(__file__).parent / "terraform_schemas.json").read_text())
REFERENCE = re.compile(r"\b(aws_\w+)\.(\w+)((?:\[[^\]]*\])?)\.(\w+)")


def plain(value):
    """Return a parsed value without what the parser adds: quotes, and marks."""
    if isinstance(value, dict):
        marks = ("__", '"__')
        return {
            str(k).strip('"'): plain(v)
            for k, v in value.items()
            if not str(k).startswith(marks)
        }
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


def parsed(path):
    with path.open() as file:
        return plain(hcl2.load(file))


def bodies(kind):
    """Yield type, name and arguments of each block of a kind, and its file."""
    for path in sorted(MODULE.glob("*.tf")):
        for block in parsed(path).get(kind, ()):
            for name, named in block.items():
                for label, body in named.items():
                    yield path.name, name, label, body


def labelled(kind):
    for path in sorted(MODULE.glob("*.tf")):
        for block in parsed(path).get(kind, ()):
            yield from block.items()


@pytest.fixture(scope="module")
def templates(released):
    plan = json.loads(released[0].with_name("stacks.json").read_text())
    return {
        one["name"]: (one, json.loads(path.read_text()))
        for one, path in zip(plan, released, strict=True)
    }


@pytest.mark.parametrize("kind", ["resource", "data"])
def test_every_argument_is_one_of_the_providers(kind):
    found = list(bodies(kind))
    assert found
    for file, name, label, body in found:
        schema = SCHEMAS[kind][name]
        known = {*schema["required"], *schema["optional"], *SCHEMAS["meta"]}
        where = f"{file}: {name}.{label}"
        assert set(body) <= known, f"{where}: {set(body) - known}"
        assert set(schema["required"]) <= set(body), where
        assert body["provider"] in {"${aws.active}", "${aws.standby}"}, where


def test_every_reference_is_to_something_that_is_there():
    there = {(name, label) for _, name, label, _ in bodies("resource")}
    text = "".join(path.read_text() for path in sorted(MODULE.glob("*.tf")))
    found = set(REFERENCE.findall(text))
    assert len(found) > 10
    for name, label, _, attribute in found:
        if name == "aws_caller_identity":
            continue
        assert (name, label) in there, f"{name}.{label}"
        schema = SCHEMAS["resource"][name]
        known = (*schema["computed"], *schema["required"], *schema["optional"])
        assert attribute in known, f"{name}.{label}.{attribute}"
    variables = {name for name, _ in labelled("variable")}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == variables


def test_every_variable_and_output_says_what_it_is():
    for name, body in labelled("variable"):
        assert body["description"].endswith("."), name
        assert "type" in body, name
    for name, body in labelled("output"):
        assert body["description"].endswith("."), name


def test_there_is_a_stack_for_each_template_with_what_it_needs(templates):
    stacks = {
        label.replace("_", "-"): body
        for _, name, label, body in bodies("resource")
        if name == "aws_cloudformation_stack"
    }
    assert stacks.keys() == templates.keys()
    common = (MODULE / "main.tf").read_text()
    for name, (planned, template) in templates.items():
        body = stacks[name]
        standby = planned["site"] == "b"
        assert body["provider"] == ("${aws.standby}" if standby else "${aws.active}")
        assert f"/templates/{name}.template.json" in body["template_body"]
        given = str(body["parameters"])
        for parameter, source in planned["parameters"].items():
            label = source["stack"].replace("-", "_")
            wanted = f"aws_cloudformation_stack.{label}.outputs"
            assert re.search(
                rf"{parameter}\W.*?{re.escape(wanted)}\[.{{0,2}}{source['output']}",
                given,
            ), f"{name}: {parameter}"
        for parameter, declared in template.get("Parameters", {}).items():
            is_given = parameter in given or parameter in common
            assert is_given or "Default" in declared, f"{name}: {parameter}"


def reached(stacks, name):
    """Return the stacks that are there before one is, by the module's references."""
    found, left = set(), [name]
    while left:
        text = str(stacks[left.pop()])
        for label in re.findall(r"aws_cloudformation_stack\.(\w+)", text):
            other = label.replace("_", "-")
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def test_a_stack_waits_for_the_one_whose_function_it_calls_by_name(templates):
    stacks = {
        label.replace("_", "-"): body
        for _, name, label, body in bodies("resource")
        if name == "aws_cloudformation_stack"
    }
    made = {
        (planned["site"], resource["Properties"]["FunctionName"]): name
        for name, (planned, template) in templates.items()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    called = {
        (name, made[planned["site"], function])
        for name, (planned, template) in templates.items()
        for resource in template["Resources"].values()
        if resource["Type"].startswith("Custom::")
        for function in re.findall(r":function:([\w-]+)", json.dumps(resource))
    }
    assert called >= {("copies-a", "site-a"), ("copies-b", "site-b")}
    for name, other in called:
        assert other == name or other in reached(stacks, name), name


def resource(kind, label):
    (found,) = (b for _, k, one, b in bodies("resource") if (k, one) == (kind, label))
    return found


@pytest.mark.parametrize(
    ("site", "side"), [("site-a", "active"), ("site-b", "standby")]
)
def test_native_certificates_are_those_that_the_templates_would_make(
    templates, site, side
):
    (served,) = (
        body["served"]
        for path in sorted(MODULE.glob("*.tf"))
        for body in parsed(path).get("locals", ())
        if "served" in body
    )
    _, template = templates[site]
    made = [
        one["Properties"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::CertificateManager::Certificate"
    ]
    wanted = {
        tuple(
            name["Fn::Sub"].replace("${Domain}", "${var.domain}")
            for name in (one["DomainName"], *one["SubjectAlternativeNames"])
        )
        for one in made
    }
    assert {tuple(names) for names in served[side].values()} == wanted
    # AWS IoT developer guide: at most four names, RSA-2048 or P-256.
    assert all(len(names) <= 4 for names in wanted)
    body = resource("aws_acm_certificate", side)
    for one in made:
        assert body["key_algorithm"] == one["KeyAlgorithm"] == "RSA_2048"
        assert body["validation_method"] == one["ValidationMethod"] == "DNS"
    waited = resource("aws_acm_certificate_validation", side)
    assert waited["for_each"] == f"${{aws_acm_certificate.{side}}}"
    given = str(resource("aws_cloudformation_stack", site.replace("-", "_")))
    for parameter, noun in (
        ("MqttCertificateArn", "mqtt"),
        ("ApiCertificateArn", "api"),
    ):
        assert parameter in template["Parameters"]
        arn = rf"local\.certificate_arns\.{side}\.{noun}\b"
        assert re.search(rf"{parameter}\W+{arn}", given)


def test_strategy_is_what_the_standbys_templates_are_told(templates):
    variables = dict(labelled("variable"))
    strategy = variables["strategy"]
    assert strategy["default"] == "hot-site"
    (validation,) = strategy["validation"]
    assert validation["condition"] == (
        '${contains(["hot-site", "pilot-light"], var.strategy)}'
    )
    (common,) = (
        block["common"]
        for block in parsed(MODULE / "main.tf")["locals"]
        if "common" in block
    )
    assert re.search(
        r'Compute\W+var\.strategy == "pilot-light" \? "off" : "on"', str(common)
    )
    told = {
        n for n, (_, t) in templates.items() if "Compute" in t.get("Parameters", {})
    }
    assert told == {"site-b", "replication-b", "telemetry-b"}


def test_the_example_gives_what_the_module_demands():
    example = parsed(MODULE / "examples" / "complete" / "main.tf")
    (module,) = example["module"]
    given = set(module["hotsite"]) - {"source", "providers"}
    demanded = {name for name, body in labelled("variable") if "default" not in body}
    known = {name for name, _ in labelled("variable")}
    assert demanded <= given <= known


def test_the_readme_lists_every_input_and_output():
    text = (MODULE / "README.md").read_text()
    for kind in ("variable", "output"):
        for name, body in labelled(kind):
            assert f"| {name} | {body['description']} |" in text


TERRAFORM = shutil.which("terraform")


@pytest.mark.skipif(TERRAFORM is None, reason="Terraform is not there")
def test_terraform_would_format_nothing():
    done = subprocess.run(
        [TERRAFORM, "fmt", "-check", "-recursive", "-list=true", str(MODULE)],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "TF_CLI_CONFIG_FILE"},
        check=False,
    )
    assert done.returncode == 0, done.stdout
