"""What a kernel holds of a sign-in, and who brings it."""
