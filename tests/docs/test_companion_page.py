"""The companion app's page, held to what is accepted; ``tests/rehearsal`` runs it."""

import json
import re

from tests.docs.page import ROOT

from hotsite.core import companion

PAGE = (ROOT / "docs" / "companion.md").read_text()


def test_the_configuration_on_the_page_is_one():
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    config = companion.parse(json.loads(text), where="the page")
    assert config.soft_ap == "http://192.168.4.1"
    assert config.soft_ap in PAGE


def test_each_way_on_that_the_page_promises_is_in_the_app():
    words = (ROOT / "companion" / "src" / "words.ts").read_text()
    for text in ("The code does not match", "The device is busy", "Go on with "):
        assert text in words
    # English stands in one file: screens hold no sentence of their own.
    for path in (ROOT / "companion" / "src" / "screens").glob("*.ts"):
        said = re.findall(r'h\([^()]*"([A-Z][^"]+ [^"]+)"', path.read_text())
        assert not said, f"{path.name}: {said}"
