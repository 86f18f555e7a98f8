"""What is known beside the events: so far, ATT&CK."""
