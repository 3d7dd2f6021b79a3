"""What people see: pages composed from the subjects, each view a thin translation."""
