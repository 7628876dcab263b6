"""Who receives: recognition by MX and by domain, and what a reply means. Pure, with data beside it."""

from warmup.providers.recognise import Directory
from warmup.providers.replies import classify, parse_reply

__all__ = ["Directory", "classify", "parse_reply"]
