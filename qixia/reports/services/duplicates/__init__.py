"""Reports of one matter: seen before, supported, merged, kept apart."""
