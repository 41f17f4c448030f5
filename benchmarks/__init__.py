"""What the product costs and how fast it is, beside others, on this machine: `make bench`.

`python -m benchmarks [--quick] [--only NAME …]`. Each module named in `__main__.PARTS` measures one subject
and yields `Figure`s. Nothing is asserted: a bar is a wish, and the table says whether it is met. What is
compared takes turns, so that whatever else the machine does meets all alike.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Servers, providers and pages are those of the browser tests.
sys.path.insert(0, str(ROOT / "ui-tests"))
