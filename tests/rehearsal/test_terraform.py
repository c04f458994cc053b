"""The Terraform module, by Terraform itself: applied, planned again, destroyed.

It needs Terraform and its AWS provider, 5 or later: `HOTSITE_TERRAFORM_PROVIDER` names
the zip of a release, `terraform-provider-aws_VERSION_OS_ARCH.zip`, or a folder that is
a mirror with it (`registry.terraform.io/hashicorp/aws/VERSION/OS_ARCH/`).
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import WaiterError
from tests.docs.page import ROOT
from tests.local.empty_world import SITES, empty_cloud
from tests.local.region_world import eventually

from hotsite.infra import packaging, release
from hotsite.local import cloud

GIVEN = os.environ.get("HOTSITE_TERRAFORM_PROVIDER", "")
TERRAFORM = shutil.which("terraform")
pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(
        not (GIVEN and TERRAFORM), reason="no Terraform with a provider"
    ),
]
PROVIDER = """
provider "aws" {
  alias                       = "NAME"
  region                      = "REGION"
  access_key                  = "ACCOUNT"
  secret_key                  = "local"
  skip_credentials_validation = true
  skip_region_validation      = true
  s3_use_path_style           = true
  endpoints {
    acm            = "URL"
    cloudformation = "URL"
    route53        = "URL"
    s3             = "URL"
    sts            = "URL"
  }
}
"""


CHOICES = """
variable "certificate_arns" {
  type    = any
  default = null
}
variable "certificates" {
  default = "native"
}
output "certificate_arns" {
  value = module.hotsite.certificate_arns
}
"""


def mirror(folder):
    """Return a folder that Terraform takes providers from."""
    given = Path(GIVEN).absolute()
    if given.is_dir():
        return given
    packed = folder / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    packed.mkdir(parents=True)
    shutil.copy(given, packed / given.name)
    return folder / "mirror"


class Work:
    """A folder with the module, an example that uses it, and Terraform in it."""

    def __init__(self, folder, world):
        self.folder = folder
        (folder / "rc").write_text(
            'provider_installation {\n filesystem_mirror {\n  path = "'
            f'{mirror(folder)}"\n }}\n}}\n'
        )
        module = folder / "module"
        shutil.copytree(ROOT / "terraform", module)
        release.write(module / "release" / "templates")
        packaging.build_all(packaging.Platform.HOST, module / "release" / "lambdas")
        self.write_example(world)

    def write_example(self, world):
        state = cloud.read_state(world.cloud)
        text = (ROOT / "terraform" / "examples" / "complete" / "main.tf").read_text()
        text = text[text.index('module "hotsite"') :]
        text = text.replace('source = "../.."', 'source = "./module"')
        text = text.replace("fleet.example.com", state.domain)
        text = text.replace("https://issuer.example.com/", state.issuer_url)
        zone = world.front("route53", "eu-central-1").list_hosted_zones()
        zone_id = zone["HostedZones"][0]["Id"].rpartition("/")[2]
        parameters = state.parameters
        text = text.replace(
            "  raised_quotas ",
            f'  hosted_zone_id = "{zone_id}"\n'
            f'  more_parameters = jsondecode(file("{parameters}"))\n'
            "  certificate_arns = var.certificate_arns\n"
            "  certificates = var.certificates\n  raised_quotas ",
        )
        providers = "".join(
            PROVIDER.replace("NAME", name)
            .replace("REGION", site.region)
            .replace("ACCOUNT", state.account_id)
            .replace("URL", state.front_url)
            for name, site in zip(("active", "standby"), state.sites, strict=True)
        )
        (self.folder / "main.tf").write_text(providers + CHOICES + text)

    def terraform(self, *words, code=0):
        done = subprocess.run(
            [TERRAFORM, *words, "-no-color"],
            cwd=self.folder,
            env={**os.environ, "TF_CLI_CONFIG_FILE": str(self.folder / "rc")},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr


def own(active, standby):
    """Return the flag that brings certificates of one's own, of two Regions."""
    arns = {
        side: {
            noun: f"arn:aws:acm:{region}:123456789012:certificate/{side}-{noun}"
            for noun in ("mqtt", "api")
        }
        for side, region in (("active", active), ("standby", standby))
    }
    return f"-var=certificate_arns={json.dumps(arns)}"


def test_terraform_applies_the_module_and_then_plans_nothing(tmp_path):
    with empty_cloud(tmp_path, "81") as world:
        work = Work(tmp_path, world)
        work.terraform("init")
        work.terraform("validate")
        refuses_what_cannot_work(work)
        work.terraform("apply", "-auto-approve", "-input=false")
        assert len(world.statuses()) == 15
        assert set(world.statuses().values()) == {"CREATE_COMPLETE"}
        found = json.loads(work.terraform("output", "-json", "certificate_arns"))
        serves_what_terraform_made(world, found)
        keeps_its_certificate(world)
        serves_what_terraform_made(world, found)
        # 2 would say that something differs.
        work.terraform("plan", "-detailed-exitcode", "-input=false", code=0)
        work.terraform("destroy", "-auto-approve", "-input=false")
        assert world.statuses() == {}
        for region in SITES:
            assert certificates(world, region) == set()


def refuses_what_cannot_work(work):
    """Plan with certificates of the wrong Region, and with ours left out."""
    plan = ("plan", "-input=false")
    said = work.terraform(*plan, own(SITES[0], SITES[0]), code=1)
    assert f"certificate_arns.standby must be in {SITES[1]}" in " ".join(said.split())
    for choice in (own(*SITES), "-var=certificates=templates"):
        assert "aws_acm_certificate" not in work.terraform(*plan, choice)


def serves_what_terraform_made(world, arns):
    """Hold each site against the certificates in Terraform's state."""
    for side, region in zip(("active", "standby"), SITES, strict=True):
        assert certificates(world, region) == set(arns[side].values())
        iot = world.client("iot", region)
        for one in iot.list_domain_configurations()["domainConfigurations"]:
            if not one["domainConfigurationName"].startswith("hotsite-"):
                continue
            served = iot.describe_domain_configuration(
                domainConfigurationName=one["domainConfigurationName"]
            )["serverCertificates"]
            assert [c["serverCertificateArn"] for c in served] == [arns[side]["mqtt"]]
        names = world.client("apigatewayv2", region).get_domain_names()["Items"]
        assert {
            configuration["CertificateArn"]
            for name in names
            for configuration in name["DomainNameConfigurations"]
        } == {arns[side]["api"]}


def keeps_its_certificate(world):
    """Tell a site to make its own after all: refused, and rolled back."""
    formation, name = (
        world.client("cloudformation", SITES[0]),
        f"hotsite-site-{SITES[0]}",
    )
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    changed = [
        {"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
        if one["ParameterKey"] != "MqttCertificateArn"
        else {"ParameterKey": one["ParameterKey"], "ParameterValue": ""}
        for one in stack["Parameters"]
    ]
    formation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=changed,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    with pytest.raises(WaiterError):
        formation.get_waiter("stack_update_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = " ".join(one.get("ResourceStatusReason", "") for one in events)
    assert "custom-named resource requires replacing" in reasons
    eventually(lambda: world.statuses()[name] == "UPDATE_ROLLBACK_COMPLETE")


def certificates(world, region):
    listed = world.client("acm", region).list_certificates()
    return {one["CertificateArn"] for one in listed["CertificateSummaryList"]}
