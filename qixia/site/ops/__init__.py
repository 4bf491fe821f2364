"""What operators see: figures in Prometheus' format, a page that explains them, and the trace of one request."""
