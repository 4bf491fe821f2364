"""`qixia openapi`: the description of the API, committed as docs/openapi.json."""

import json

from qixia.site.api import api
from qixia.site.snapshots import SnapshotCommand


class Command(SnapshotCommand):
    help = "Print, --write or --check the OpenAPI document."
    file_name = "openapi.json"

    def text(self) -> str:
        return json.dumps(api.get_openapi_schema(), indent=2, ensure_ascii=False, sort_keys=True, default=str) + "\n"
