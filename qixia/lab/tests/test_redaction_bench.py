"""What covering a picture may cost: the bound that docs/evidence.md promises for a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

BOUND_MB = 750


def test_fifty_megapixels_stay_under_the_bound(tmp_path: Path):
    path = tmp_path / "50.jpg"
    Image.linear_gradient("L").resize((8160, 6120)).convert("RGB").save(path, quality=60)
    words = [sys.executable, "-m", "qixia.lab.redaction", str(path), "1"]
    line = json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout)
    assert 0 < line["base_mb"] < line["peak_mb"] < BOUND_MB
