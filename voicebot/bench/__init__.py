"""What a call costs: the real server, step by step, and against a naive one."""
