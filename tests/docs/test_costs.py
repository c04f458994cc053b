"""The page of costs says what the price list says."""

from scripts.costs import FLEETS, PAGE, page

from hotsite.faces.cli.pricelist import known_prices


def test_the_page_is_what_the_price_list_gives():
    prices = known_prices()
    found = page(prices)
    assert found == PAGE.read_text(), "run: .venv/bin/python scripts/costs.py"
    for one in prices.missing:
        assert f"* {one}\n" in found
    assert all(f"| {devices:,} |" in found for devices in FLEETS)
