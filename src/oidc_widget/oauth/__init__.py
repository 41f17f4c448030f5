"""OAuth 2.0 and OpenID Connect requests and responses, without Jupyter."""
