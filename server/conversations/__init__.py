"""Conversations: chat without an account, the bot, surveys; a person takes over where the bot cannot answer."""
