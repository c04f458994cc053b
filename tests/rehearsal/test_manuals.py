"""Manuals, run as they are written, each in one shell and one local cloud."""

from tests.docs.page import ROOT, play


def test_every_block_of_the_runbook_works_and_shows_what_it_says(tmp_path):
    play(ROOT / "docs" / "runbook.md", tmp_path, limit_s=1500)


def test_every_block_of_the_manual_of_operations_works(tmp_path):
    (tmp_path / "drills").symlink_to(ROOT / "drills")
    play(ROOT / "docs" / "operations.md", tmp_path, limit_s=900)


def test_every_block_of_the_page_for_firmware_developers_works(tmp_path):
    play(ROOT / "docs" / "onboarding-devices.md", tmp_path, limit_s=240)


def test_every_block_of_the_page_for_app_developers_works(tmp_path):
    play(ROOT / "docs" / "onboarding-api.md", tmp_path, limit_s=300)


def test_every_block_of_the_companion_apps_page_works(tmp_path):
    play(ROOT / "docs" / "companion.md", tmp_path, limit_s=200)
