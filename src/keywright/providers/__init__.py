"""Who answers: providers as data."""
