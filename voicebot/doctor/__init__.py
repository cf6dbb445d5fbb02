"""What `voicebot doctor` asks of the vendors, and what it makes of their answers."""
