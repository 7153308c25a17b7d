"""Conversations: the order of their turns, and the templates that render them."""
