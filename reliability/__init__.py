"""Long runs that try to break it; RELIABILITY.md says what they found."""
