"""Channels: what each can do, and how it writes an address."""
