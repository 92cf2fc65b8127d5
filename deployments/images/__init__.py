"""Images of the components, and a compose file of the same components; README.md says how they are built."""
