"""Places: sites with their floors, zones, portals, access points and rooms."""
