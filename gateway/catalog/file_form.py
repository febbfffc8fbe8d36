"""The form of a file that is sold: its name and its media type."""

import mimetypes
import re

from gateway.errors import Invalid

LONGEST_FILE_NAME = 200
_NOT_IN_NAMES = r"/\\\x00-\x1f\x7f"
FILE_NAME = re.compile(rf"[^\S\x00-\x1f\x7f]*[^\s{_NOT_IN_NAMES}][^{_NOT_IN_NAMES}]*")
"""A name without a folder, on one line, with something to see in it."""
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,50}/[a-z0-9.+-]{1,50}")


def check_file_name(file_name: str) -> None:
    """Raises `Invalid` (`item_invalid`)."""
    if not FILE_NAME.fullmatch(file_name) or len(file_name) > LONGEST_FILE_NAME:
        raise Invalid("item_invalid", "file_name must be a plain name, on one line.")


def media_type_of(file_name: str) -> str:
    """The media type of a file, by the ending of its name."""
    return mimetypes.guess_type(file_name)[0] or "application/octet-stream"
