"""The mapping tables: what becomes of each field, and what stands for which machine, image, region and bucket."""
