"""Who receives: recognition by MX and by domain, and what a reply means. Pure, with data beside it."""

from warmup.providers.own import own_rules
from warmup.providers.recognise import Directory
from warmup.providers.replies import Classifier, classify, parse_reply

__all__ = ["Classifier", "Directory", "classify", "own_rules", "parse_reply"]
