"""The decoding process: reads the pictures it is handed and answers with the texts in them.

It is started by `process.DecodingProcess` and holds zxing-cpp and ZBar, but neither numpy nor
OpenCV nor anything secret: it is the part that a hostile picture may bring down.
"""

import json
import mmap
import resource
import signal
import socket
import sys
from collections.abc import Mapping

from gate_agent.decoder.base import Decoder
from gate_agent.decoder.wire import LENGTH, REQUEST
from gate_agent.decoder.zxing import ZxingDecoder, zxingcpp

MEMORY_LIMIT = 768 * 1024 * 1024


def load_decoders() -> tuple[dict[str, Decoder], list[str]]:
    """The decoders by name, and a line for each that is missing here."""
    decoders: dict[str, Decoder] = {
        "zxing": ZxingDecoder(),
        "zxing-dark": ZxingDecoder(light_on_dark=False),
        "zxing-global": ZxingDecoder(zxingcpp.Binarizer.GlobalHistogram),
    }
    missing: list[str] = []
    try:
        from gate_agent.decoder.zbar import ZbarDecoder  # noqa: PLC0415  # libzbar may be missing
    except (ImportError, OSError) as why:  # not installed, or there but not to be loaded
        missing.append(f"zbar: {why}")
    else:
        decoders["zbar"] = ZbarDecoder()
    return decoders, missing


def answer(connection: socket.socket, body: dict[str, object]) -> None:
    """Send one answer."""
    packed = json.dumps(body).encode("ascii")
    connection.sendall(LENGTH.pack(len(packed)) + packed)


def serve(connection: socket.socket, pixels: memoryview, decoders: Mapping[str, Decoder]) -> None:
    """Answer requests until the other side hangs up."""
    while request := connection.recv(REQUEST.size, socket.MSG_WAITALL):
        name, width, height, seconds = REQUEST.unpack(request)
        decoder = decoders[name.rstrip(b"\0").decode("ascii")]
        image = pixels[: width * height].cast("B", (height, width))
        # Should the agent be gone while a library is lost in a picture, nobody would end us.
        signal.setitimer(signal.ITIMER_REAL, seconds * 2 + 0.1)
        try:
            body: dict[str, object] = {"texts": decoder.read(image)}
        except (ValueError, RuntimeError, MemoryError) as why:
            body = {"failed": f"{type(why).__name__}: {why}"}
        signal.setitimer(signal.ITIMER_REAL, 0)
        answer(connection, body)


def main() -> None:
    """Take over the two file descriptors named on the command line and serve."""
    # Ctrl-C at the terminal is for the agent, which then hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A crash leaves no picture of a visitor's phone on the disk, and no picture takes all memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    connection = socket.socket(fileno=int(sys.argv[1]))
    pixels = memoryview(mmap.mmap(int(sys.argv[2]), 0, access=mmap.ACCESS_READ))
    decoders, missing = load_decoders()
    answer(connection, {"decoders": sorted(decoders), "missing": missing})
    serve(connection, pixels, decoders)


if __name__ == "__main__":
    main()
