"""The prices that the package knows."""

import tomllib
from importlib import resources

from hotsite.core import records
from hotsite.core.forecast.costs import Prices


def known_prices() -> Prices:
    """Return the prices that the package knows."""
    file = resources.files(__package__).joinpath("prices.toml")
    return records.read(Prices, tomllib.loads(file.read_text("utf-8")), where="prices")
