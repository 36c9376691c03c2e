"""The same names as in `babytrain.runs.files.regular_files`."""

from babytrain.runs.files.regular_files import (  # noqa: F401
    SMALL_FILE_BYTES,
    UnfitFileError,
    is_real_folder,
    open_regular_file,
    read_json_file,
    read_regular_file,
    read_toml_file,
)
