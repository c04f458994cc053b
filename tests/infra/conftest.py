"""One synthesis for all tests here: it is the slow part."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotsite.infra import release
from hotsite.infra.synth import synthesise
from hotsite.settings import OnboardingSettings, Settings

# With all that can be turned on.
SETTINGS = Settings("fleet.example.com", onboarding=OnboardingSettings("escrow"))


@dataclass(frozen=True)
class Assembly:
    """What one synthesis wrote."""

    paths: tuple[Path, ...]

    def path(self, ending):
        (found,) = (
            p for p in self.paths if p.name == f"hotsite-{ending}.template.json"
        )
        return found

    def template(self, ending):
        return json.loads(self.path(ending).read_text())

    def resources(self, ending, kind):
        resources = self.template(ending)["Resources"]
        return {k: r for k, r in resources.items() if r["Type"] == f"AWS::{kind}"}

    def properties(self, ending, kind):
        return [r["Properties"] for r in self.resources(ending, kind).values()]


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def assembly(tmp_path_factory):
    return Assembly(synthesise(SETTINGS, tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    return release.write(tmp_path_factory.mktemp("release"), SETTINGS.onboarding)
