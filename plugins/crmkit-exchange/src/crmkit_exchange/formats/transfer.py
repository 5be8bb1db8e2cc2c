"""Base64 and quoted-printable as they arrive: cut off, wrongly padded, with other characters in between."""

from __future__ import annotations

import binascii
import re

__all__ = ["from_base64", "from_quoted_printable"]

_NOT_A_DIGIT = re.compile(rb"[^A-Za-z0-9+/]+")


def from_base64(raw: bytes) -> bytes:
    """The bytes that Base64 stands for; a last digit that stands for no whole byte is left out."""
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        digits = _NOT_A_DIGIT.sub(b"", raw)
        whole = digits[: len(digits) - (len(digits) % 4 == 1)]
        return binascii.a2b_base64(whole + b"==")


def from_quoted_printable(raw: bytes) -> bytes:
    """The bytes that quoted-printable stands for; what is not well-formed stands for itself."""
    return binascii.a2b_qp(raw)
