"""Who receives: recognition by MX and by domain, and what a reply means. Pure, with data beside it."""

from warmup.providers.recognise import Directory
from warmup.providers.replies import Classifier, classify, parse_reply

__all__ = ["Classifier", "Directory", "classify", "parse_reply"]
