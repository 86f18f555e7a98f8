"""Outside systems that Tocsin writes to. Only `app` may hold a connector."""
