"""The Terraform module, by Terraform itself: applied, planned again, destroyed.

It needs Terraform and its AWS provider, 5 or later: `HOTSITE_TERRAFORM_PROVIDER` names
the zip of a release, `terraform-provider-aws_VERSION_OS_ARCH.zip`, or a folder that is
a mirror with it (`registry.terraform.io/hashicorp/aws/VERSION/OS_ARCH/`).
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.docs.page import ROOT
from tests.local.empty_world import empty_cloud

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
    cloudformation = "URL"
    route53        = "URL"
    s3             = "URL"
    sts            = "URL"
  }
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
            f'  more_parameters = jsondecode(file("{parameters}"))\n  raised_quotas ',
        )
        providers = "".join(
            PROVIDER.replace("NAME", name)
            .replace("REGION", site.region)
            .replace("ACCOUNT", state.account_id)
            .replace("URL", state.front_url)
            for name, site in zip(("active", "standby"), state.sites, strict=True)
        )
        (self.folder / "main.tf").write_text(providers + text)

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
        return done.stdout


def test_terraform_applies_the_module_and_then_plans_nothing(tmp_path):
    with empty_cloud(tmp_path, "81") as world:
        work = Work(tmp_path, world)
        work.terraform("init")
        work.terraform("validate")
        work.terraform("apply", "-auto-approve", "-input=false")
        assert len(world.statuses()) == 15
        assert set(world.statuses().values()) == {"CREATE_COMPLETE"}
        # 2 would say that something differs.
        work.terraform("plan", "-detailed-exitcode", "-input=false", code=0)
        work.terraform("destroy", "-auto-approve", "-input=false")
        assert world.statuses() == {}
