"""What calls that get, list or change resources have in common, as the AIPs have it."""

from .etags import check_etag, etag
from .filters import Filter
from .pages import Page
from .read_masks import ReadMask

__all__ = ["Filter", "Page", "ReadMask", "check_etag", "etag"]
