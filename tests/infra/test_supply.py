"""What hotsite is made of: locked by hashes, of licences that may be shipped."""

import json

from scripts.release import ROOT, licence, locked, objections, sbom

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def test_everything_is_locked_to_one_version_with_its_hashes():
    assert len(LOCKS) >= 5
    for path in LOCKS:
        found = list(locked(path))
        assert found, path.name
        for one in found:
            assert one.hashes, f"{path.name}: {one.name}"
        pinned = path.read_text().count("==")
        assert pinned == len(found), f"{path.name}: {pinned} pins, {len(found)} read"


def test_no_licence_asks_for_more_than_a_notice():
    assert objections() == []
    assert licence("boto3") == "Apache-2.0"


def test_the_bill_of_materials_lists_all_of_it_the_same_way_twice():
    found = sbom()
    assert json.dumps(found) == json.dumps(sbom())
    components = {one["name"]: one for one in found["components"]}
    assert components["cryptography"]["scope"] == "required"
    assert components["pytest"]["scope"] == "optional"
    assert all(one["hashes"] for one in components.values())
    assert all(one["licenses"][0]["license"]["name"] for one in components.values())
