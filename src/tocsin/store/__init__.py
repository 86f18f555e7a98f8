"""What Tocsin keeps: state (Django ORM), the event lake (Delta) and the Journal."""
