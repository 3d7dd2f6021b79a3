"""zxing-cpp, with either of the two ways it turns grey into black and white."""

import zxingcpp

_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)


class ZxingDecoder:
    """Reads QR codes (model 2, any rotation, dark on light or light on dark) with zxing-cpp."""

    def __init__(self, binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage) -> None:
        """`LocalAverage` copes with uneven light; `GlobalHistogram` reads some blurred codes."""
        self._binarizer = binarizer

    def read(self, image: memoryview) -> list[str]:
        """See `Decoder.read`."""
        found = zxingcpp.read_barcodes(
            image,
            formats=_FORMATS,
            text_mode=zxingcpp.TextMode.Plain,
            binarizer=self._binarizer,
        )
        return [barcode.text for barcode in found if barcode.text]
