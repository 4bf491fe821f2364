"""The own data: what is kept and why, who looked, take along, correct, delete. Only here all rooms are asked at once."""
