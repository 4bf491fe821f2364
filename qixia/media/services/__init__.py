"""All writes to photos and clips, named by verb. See the modules for what each promises."""

from qixia.media.services.copying import develop_evidence
from qixia.media.services.covering import redact_again, set_boxes
from qixia.media.services.judging import judge_provenance
from qixia.media.services.originals import (
    Original,
    OriginalGone,
    destroy_originals,
    open_original,
    seal_plain_originals,
)
from qixia.media.services.sweeping import sweep
from qixia.media.services.taking import (
    Received,
    Upload,
    copies_of,
    give_to,
    keep,
    limits,
    receive,
    store_upload,
    store_uploads,
    write_rows,
)

__all__ = [
    "Original",
    "OriginalGone",
    "Received",
    "Upload",
    "copies_of",
    "destroy_originals",
    "develop_evidence",
    "give_to",
    "judge_provenance",
    "keep",
    "limits",
    "open_original",
    "receive",
    "redact_again",
    "seal_plain_originals",
    "set_boxes",
    "store_upload",
    "store_uploads",
    "sweep",
    "write_rows",
]
