"""Scenario tests of personas: the real bridge on a virtual clock (`voicebot test`)."""
