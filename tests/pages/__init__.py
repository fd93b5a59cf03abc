"""Pages in a real browser: `make test-pages`. `make test` looks at what stands in them."""
