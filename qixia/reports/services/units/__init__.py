"""What units do with a case, alone or with others."""
