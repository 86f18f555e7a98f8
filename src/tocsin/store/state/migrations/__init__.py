"""Schema changes in order; `store.database` runs them when state is opened."""
