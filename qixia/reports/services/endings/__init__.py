"""How a report ends, who says so, and how it opens again."""
