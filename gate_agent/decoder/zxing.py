"""zxing-cpp, with either of the two ways it turns grey into black and white."""

import zxingcpp

_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)


class ZxingDecoder:
    """Reads QR codes (model 2, any rotation) with zxing-cpp."""

    def __init__(
        self,
        binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage,
        *,
        light_on_dark: bool = True,
    ) -> None:
        """`LocalAverage` copes with uneven light; `GlobalHistogram` reads some blurred codes.

        Without `light_on_dark` a frame takes two thirds of the time.
        """
        self._binarizer = binarizer
        self._light_on_dark = light_on_dark

    def read(self, image: memoryview) -> list[str]:
        """See `Decoder.read`."""
        found = zxingcpp.read_barcodes(
            image,
            formats=_FORMATS,
            text_mode=zxingcpp.TextMode.Plain,
            binarizer=self._binarizer,
            try_invert=self._light_on_dark,
        )
        return [barcode.text for barcode in found if barcode.text]
