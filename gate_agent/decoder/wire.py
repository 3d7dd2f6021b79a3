"""The form of what the agent and its decoding process say to each other."""

import struct

REQUEST = struct.Struct("!16sIId")
"""Name of the decoder, width, height, seconds allowed; the pixels lie in the shared memory."""

LENGTH = struct.Struct("!I")
"""Length in bytes of the JSON answer that follows."""
