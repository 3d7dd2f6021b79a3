"""2D scan engines: devices that read codes by themselves and hand out the texts."""

from gate_agent.scanner.opening import (
    Scanner,
    ScannerSpecification,
    is_scanner,
    scanner_for,
)

__all__ = ["Scanner", "ScannerSpecification", "is_scanner", "scanner_for"]
