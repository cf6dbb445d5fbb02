"""Thin clients, one a service; their libraries' errors become UpstreamError here."""
