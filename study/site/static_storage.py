"""Static files under names that hold their checksum, also where one script imports another."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """A browser never mixes the scripts of two versions: imports name the checksums too."""

    support_js_module_import_aggregation = True
