"""What is critical rings until somebody has it."""
