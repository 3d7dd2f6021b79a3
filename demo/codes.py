"""Which codes are looked for in a picture: QR codes alone, since the noise of one may be read as bars."""

import zxingcpp

QR_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
