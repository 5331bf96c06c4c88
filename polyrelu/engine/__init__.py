"""The engine: cells, splitting, certified signs. Arrays in, arrays and status codes out."""
