"""Bringing in what a city keeps in chats and lists."""
