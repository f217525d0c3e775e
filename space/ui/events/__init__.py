"""What happens when a visitor clicks, and the endpoints for programs."""
