"""polyrelu: the exact linear regions of ReLU networks, and the graph of which touch."""
