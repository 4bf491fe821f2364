"""Static files under names that carry their content, scripts that import each other included: cacheable for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """`import … from './photos.js'` is rewritten to the hashed name as `url(…)` in style sheets is."""

    support_js_module_import_aggregation = True
