"""The target side: the plan of a Vertex pipeline, the planner that makes it, and the project written from it."""
