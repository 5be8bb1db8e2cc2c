"""How fast and how well tickets are solved: the metric events of service (crmkit-operational), folded by the engine."""
