"""Firmware images that tests need."""

import hashlib

from hotsite.core.firmware import Image

OLD_BYTES = b"old firmware, 1.0.0, which works"
NEW_BYTES = b"new firmware, 1.1.0, a longer one than the old"


def image(content=NEW_BYTES, **changes):
    facts = {
        "name": "hs-1/app-1.1.0.bin",
        "version": "1.1.0",
        "min_from": "1.0.0",
        "security_counter": 2,
        "model": "HS-1",
        "length": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "built_at_s": 1_700_000_000,
    }
    return Image(**{**facts, **changes})


def old(**changes):
    facts = {
        "name": "hs-1/app-1.0.0.bin",
        "version": "1.0.0",
        "security_counter": 1,
        "built_at_s": 1_600_000_000,
    }
    return image(OLD_BYTES, **{**facts, **changes})
