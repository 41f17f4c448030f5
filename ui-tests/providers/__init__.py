"""Real, independent OpenID providers, each a process of its own on a free loopback port."""
