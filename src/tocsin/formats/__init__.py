"""Safe readers shared by all: archives, framing, limits. Nothing here ever writes to disk."""
