"""The page for app developers, held to the contract; ``tests/rehearsal`` runs it."""

from tests.docs.page import ROOT, blocks

from hotsite.faces.lambdas import http
from hotsite.faces.lambdas.api import document

PAGE = ROOT / "docs" / "onboarding-api.md"
TEXT = PAGE.read_text()


def test_page_has_a_row_for_each_kind_of_problem():
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    for _, kind in http.KINDS:
        assert any(row.startswith(f"| `{kind.name}` | {kind.status} |") for row in rows)


def test_page_shows_every_path_of_the_document():
    shown = [line for _, lines in blocks(PAGE) for line in lines]
    assert set(document()["paths"]) <= set(shown)
