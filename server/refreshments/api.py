"""Refreshments as JSON: machines, what lies in them, what was taken."""

from server.kernel.blueprint import ApiBlueprint
from server.refreshments import models

blueprint = ApiBlueprint(
    "Refreshments", "Vending machines, their stock, and what visitors took.", "/refreshments"
)
TABLES = models
