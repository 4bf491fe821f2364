"""What clerks do with cases, and with lists of them."""
