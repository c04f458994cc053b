"""Each port has a suite that both of its worlds pass."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Protocol

import pytest

from hotsite import ports

ROOT = Path(__file__).parents[2]
HERE = "tests/contract"
# The suite of each port, and what it calls the port.
SUITES = {
    "Records": (f"{HERE}/test_records.py", "ports.records"),
    "Claims": (f"{HERE}/test_claims.py", "ports.claims"),
    "AppliedRecords": (f"{HERE}/test_applied.py", "ports.applied"),
    "Cursors": (f"{HERE}/test_applied.py", "ports.cursors"),
    "HealthVerdicts": (f"{HERE}/test_applied.py", "ports.verdicts"),
    "Registry": (f"{HERE}/test_registry.py", "ports.registry"),
    "Surroundings": (f"{HERE}/test_surroundings.py", "ports.surroundings"),
    "Quota": (f"{HERE}/test_quotas.py", "workers"),
    "DeletionLedger": (f"{HERE}/test_deletions.py", "ports.ledger"),
    "FailedBatches": (f"{HERE}/test_failures.py", "failed"),
    "HotStore": (f"{HERE}/test_telemetry.py", "keeping.hot"),
    "ColdStream": (f"{HERE}/test_telemetry.py", "keeping.cold"),
    "ErrorArchive": (f"{HERE}/test_telemetry.py", "keeping.archive"),
    "SeriesReader": (f"{HERE}/test_series.py", "series"),
    "MeterReadings": (f"{HERE}/test_metering.py", "ports.readings"),
    "ColdWatermarks": (f"{HERE}/test_metering.py", "cold"),
    "Operations": (f"{HERE}/test_operations.py", "operations"),
    "SitesSeen": (f"{HERE}/test_outside.py", "sites.see"),
    "NamesSeen": (f"{HERE}/test_outside.py", "names.leads_to"),
    "Resumes": (f"{HERE}/test_outside.py", "resumes.port.count"),
    "ResumeNotes": (f"{HERE}/test_outside.py", "resumes.port.note"),
    "Commands": (f"{HERE}/test_outside.py", "commanded.order"),
    "Lags": (f"{HERE}/test_lags.py", "ports.readings"),
    "SiteQuotas": (f"{HERE}/test_readiness.py", "quotas.read"),
    "Doors": (f"{HERE}/test_readiness.py", "doors.look"),
    "Keys": (f"{HERE}/test_keys.py", "keys.names"),
    "Compute": (f"{HERE}/test_compute.py", "compute.off"),
    "Enrolments": (f"{HERE}/test_enrolments.py", "ports.enrolments"),
    "LastMessages": (f"{HERE}/test_users.py", "heard.port.read"),
    "Allowance": (f"{HERE}/test_users.py", "allowed.port.spend"),
    "Escrow": (f"{HERE}/test_escrow.py", "vault.escrow"),
    "Stacks": (f"{HERE}/test_stacks.py", "stacks"),
    "FirmwareFiles": (f"{HERE}/test_firmware_files.py", "files"),
}
PAN = "tests/pan"
# Both ends of a session: bytes in memory, and the real ciphers over HTTP.
SESSION = (f"{PAN}/test_pan_device.py", f"{PAN}/test_pan_http.py")
DEPLOYING = ("tests/flows/test_deployment.py", "tests/local/test_deploy.py")
# Those whose worlds are too large for a fixture: what is played in which.
PLAYED = {
    "LiveRegions": ("tests/flows/test_drill.py", "tests/drills/test_local.py"),
    "LiveFleet": ("tests/flows/test_drill.py", "tests/drills/test_local.py"),
    "World": ("tests/flows/test_drill.py", "tests/drills/test_local.py"),
    "ChurnWorld": ("tests/flows/test_churn.py", "tests/drills/test_local.py"),
    "CourseWorld": (
        "tests/disasters/test_course.py",
        "tests/rehearsal/test_courses.py",
    ),
    "Canary": ("tests/flows/test_health.py", "tests/clients/test_clients.py"),
    "Journal": ("tests/flows/test_drill.py", "tests/drills/test_local.py"),
    "Courier": ("tests/flows/test_resume.py", "tests/local/test_telemetry.py"),
    "ConformanceWorld": (
        "tests/flows/test_conformance.py",
        "tests/local/test_conformance.py",
    ),
    **dict.fromkeys(("Account", "Packages", "Progress"), DEPLOYING),
    "Inventory": ("tests/core/test_adoption.py", "tests/contract/test_account.py"),
    "FirmwareSource": (
        "tests/flows/test_firmware.py",
        "tests/adapters/test_firmware_attacks.py",
    ),
    "SlotStore": ("tests/flows/test_firmware.py", "tests/adapters/test_slot_files.py"),
    "Inbox": (
        "tests/flows/test_firmware_courier.py",
        "tests/adapters/test_firmware_courier.py",
    ),
    **dict.fromkeys(
        (
            "Cipher",
            "ClientHandshake",
            "ClientSecurity",
            "DeviceHandshake",
            "Link",
            "PanServer",
            "Reach",
            "Security",
        ),
        SESSION,
    ),
    "Vault": (f"{PAN}/test_pan_device.py", f"{PAN}/test_pan_vault.py"),
    "Firmware": (f"{PAN}/test_pan_bumble.py", "tests/faces/test_companion_firmware.py"),
    # No device of ours has a radio of its own: docs/limits.md.
    "Wifi": (f"{PAN}/test_pan_device.py",),
    "Clock": ("tests/flows/test_drill.py", "tests/drills/test_local.py"),
}


def protocols():
    for module in pkgutil.iter_modules(ports.__path__, f"{ports.__name__}."):
        found = importlib.import_module(module.name)
        for name, value in inspect.getmembers(found, inspect.isclass):
            if Protocol in value.__bases__ and value.__module__ == module.name:
                yield name


def test_no_port_is_without_a_suite():
    assert set(protocols()) == {*SUITES, *PLAYED}


@pytest.mark.parametrize(("suite", "word"), SUITES.values(), ids=SUITES)
def test_suite_calls_its_port_in_every_world(suite, word):
    text = (ROOT / suite).read_text()
    assert word in text
    assert f"({word.split('.', maxsplit=1)[0]}" in text


@pytest.mark.parametrize("suites", PLAYED.values())
def test_what_is_played_is_there(suites):
    for suite in suites:
        text = (ROOT / suite).read_text()
        assert re.search(r"^(async )?def test_", text, re.MULTILINE)
