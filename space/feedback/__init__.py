"""What visitors leave: counts of searches, votes and judgments, kept as JSON lines and committed to the Hub."""
