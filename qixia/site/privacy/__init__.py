"""Pages for those who watch over personal data: who opened what and why, what staff did, what was deleted when."""
