"""What every test gets: a master key of its own, no leftovers in caches."""

import os
import tempfile
from pathlib import Path

_own = Path(tempfile.mkdtemp(prefix="qixia-test-"))
os.environ["QIXIA_VAR_DIR"] = str(_own)
os.environ["QIXIA_MASTER_KEY_FILE"] = str(_own / "keys" / "master.key")

from qixia.kernel.keys import make_key_file  # noqa: E402

make_key_file(_own / "keys" / "master.key")
