"""Measures how the bot takes turns: many short calls, under a virtual clock."""
