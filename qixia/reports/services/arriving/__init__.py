"""What happens when a report comes in: taken, understood, its photos looked at."""
