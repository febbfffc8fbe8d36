"""What a camera reads from a screen."""

import io

import zxingcpp
from PIL import Image


def codes_in(picture: Image.Image | bytes) -> list[str]:
    """The texts of all QR codes in a picture, or in a screenshot's bytes.

    Of other codes the reader finds some in letters and lines: it is not asked for them, as a wallet does not ask.
    """
    if isinstance(picture, bytes):
        picture = Image.open(io.BytesIO(picture))
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in zxingcpp.read_barcodes(picture, formats=formats)]


def as_scanned(payment_request: str) -> str:
    """What the code of an invoice says."""
    return "LIGHTNING:" + payment_request.upper()
