"""What is run, not imported; a package so that tests and the type checker can name its parts."""
