"""What is wrong between a browser, a server and a provider."""
