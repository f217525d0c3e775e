"""What visitors leave: counts of searches, kept as JSON lines and committed to the Hub."""
