"""What visitors ask about their data, and what administrators ask about retention."""

from server.privacy.forgetting import (
    Told,
    about,
    ask_to_be_forgotten,
    forget,
    forget_everywhere,
    may_be_forgotten,
)
from server.privacy.retention import (
    RetentionChanged,
    RetentionInput,
    RetentionLine,
    change_policy,
    policy,
    preview,
    run,
    steps,
)
from server.privacy.rules import Kept

__all__ = [
    "Kept",
    "RetentionChanged",
    "RetentionInput",
    "RetentionLine",
    "Told",
    "about",
    "ask_to_be_forgotten",
    "change_policy",
    "forget",
    "forget_everywhere",
    "may_be_forgotten",
    "policy",
    "preview",
    "run",
    "steps",
]
