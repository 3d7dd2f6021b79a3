"""Gates and controllers: enrolment, their keys and documents, the broker's rights, health and true state."""
