"""What `voicebot doctor` does to find out: the sockets and the clock of its checks."""
