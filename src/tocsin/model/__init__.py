"""The vocabulary: frozen values and small ports. It knows nothing but itself, settings and errors."""
