"""The vocabulary: frozen values and small ports. It knows nothing of any stage."""
