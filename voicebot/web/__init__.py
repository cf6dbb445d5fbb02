"""The HTTP server: what Twilio asks of us, and what those who run us ask."""
