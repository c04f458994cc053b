"""Services of the emulator that are loaded when they are used."""

import subprocess
import sys

CODE = """
import sys
from hotsite.local.region import later
later.install()
import ministack.services.cloudformation
names = [n for n, m in sys.modules.items() if later.is_waiting(m)]
assert "ministack.services.ec2" in names and len(names) > 20, names
assert later.loaded_count() == 0
import ministack.services.ec2 as ec2
assert later.is_waiting(ec2) and not hasattr(ec2, "__path__")
assert callable(ec2.handle_request)
assert not later.is_waiting(ec2) and later.loaded_count() == 1
assert not hasattr(ec2, "no_such_thing")
from ministack.services.ecs import handle_request
assert later.loaded_count() > 1
"""


def test_what_no_template_of_ours_needs_is_loaded_when_it_is_used():
    subprocess.run([sys.executable, "-c", CODE], check=True)
