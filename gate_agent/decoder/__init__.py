"""From a picture to the texts of the QR codes in it.

`chain.DecoderChain` is what the agent uses; it asks a `process.DecodingProcess`, in which the
libraries written in C meet pictures that nobody vouches for.

This file imports nothing, because the child process loads it too and has to stay small.
"""
