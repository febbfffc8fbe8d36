"""What passes between a browser and the gateway, what breaks on the way, and what must never be sent."""
