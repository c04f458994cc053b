"""The page of permissions says what the templates allow."""

from scripts.permissions import PAGE, page, read


def test_the_page_is_what_the_templates_allow(assembly):
    found = page(read(assembly.paths[0].parent))
    assert found == PAGE.read_text(), "run: .venv/bin/python scripts/permissions.py"
    assert "| SetupRole (role of lambda.amazonaws.com) | " in found
    assert "iot:Connection.Thing.IsAttached" in found
