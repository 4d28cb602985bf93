"""Pictures of the real app on real runs, and the script that makes them."""
