"""Linear separability of two point sets, and of classes layer by layer (MD-LSM)."""
