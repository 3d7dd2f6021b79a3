"""Wayfinding: floor plans in the Indoor Mapping Data Format, and ways through them."""
